"""The images that were set aside, by name, with the reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Query

from services.labeler.desk import Desk
from services.labeler.loop import Loop
from services.labeler.text import clean
from services.labeler.web.asking import RunName

MOST = 500  # of them in one answer
_KINDS = 20  # reasons that are counted


def quarantine_of(desk: Desk, loop: Loop, run: str, first: int, count: int) -> dict[str, Any]:
    """How many images were set aside, the reasons by frequency, and ``count`` of the images from the ``first`` on.

    A reason counts as what it begins with: of ``damaged image: broken PNG file`` that is ``damaged image``.
    """
    catalog, reasons = desk.catalog(run), loop.quarantine(run)
    kinds = Counter(clean(reason.partition(":")[0], 80) for reason in reasons.values())
    items = sorted(item for item in reasons if item < catalog.rows)
    return {
        "run": run,
        "total": len(reasons),
        "kinds": kinds.most_common(_KINDS),
        "images": [
            {"item": item, "path": clean(catalog.row(item).path, 500), "reason": clean(reasons[item], 300)}
            for item in items[first : first + count]
        ],
    }


def router(desk: Desk, loop: Loop) -> APIRouter:
    """The route over a desk and a loop."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/quarantine")
    async def quarantine(
        run: RunName,
        first: Annotated[int, Query(ge=0, le=2**53 - 1)] = 0,
        count: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> dict[str, Any]:
        return await asyncio.to_thread(quarantine_of, desk, loop, run, first, count)

    return routes
