"""Who labels, how far they agree, and what they differ about."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from services.labeler.annotators import SETTLED
from services.labeler.desk import Desk
from services.labeler.web.asking import RunName
from services.labeler.web.routes.answers import Marked
from services.labeler.web.routes.views import Views


def people_of(views: Views, run: str, first: int, count: int) -> dict[str, Any]:
    """Each annotator's work, how far they agree, and ``count`` of the images about which they do not, from the ``first`` on."""
    found = views.browsing.people(run, first, count)
    images = views.tiles(run, list(found.shown))
    for image, votes in zip(images, found.shown.values(), strict=True):
        image["votes"] = [{"name": vote.annotator, "answer": vote.answer.value} for vote in votes]
    return {"people": found.annotators, "alpha": found.alpha, "disputed": found.disputed, "images": images}


def router(views: Views, desk: Desk) -> APIRouter:
    """The routes over the views and a desk."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/people")
    async def people(
        run: RunName,
        first: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
        count: Annotated[int, Field(ge=1, le=200)] = 24,
    ) -> dict[str, Any]:
        return await asyncio.to_thread(people_of, views, run, first, count)

    @routes.post("/settle")
    async def settle(run: RunName, body: Marked) -> dict[str, Any]:
        """Answers of somebody who has seen those of the others; the gate lets admins only."""
        future = await asyncio.to_thread(desk.mark, run, body.author(), body.entries(), SETTLED)
        outcome = await asyncio.shield(asyncio.wrap_future(future))
        return {"run": run, "saved": outcome.saved, "standing": outcome.standing}

    return routes
