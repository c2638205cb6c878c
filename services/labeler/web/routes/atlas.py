"""The map of the embeddings, and what a person circles on it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.labeler.desk import Desk
from services.labeler.loop import Loop
from services.labeler.web.asking import RunName
from services.labeler.web.messages import Number

MOST = 1000  # images that can be chosen at once


class Chosen(BaseModel):
    """Images that somebody wants to be asked about."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Number], Field(min_length=1, max_length=MOST)]


def router(desk: Desk, loop: Loop) -> APIRouter:
    """The routes over a desk and a loop."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/map")
    async def points(run: RunName, request: Request) -> Response:
        """Four bytes for each image; a browser that has them gets them again only after they have changed."""
        known = request.headers.get("if-none-match", "").strip().removeprefix("W/").strip('"')
        version, found = await asyncio.to_thread(loop.map, run, known)
        headers = {"ETag": f'"{version}"', "Cache-Control": "private, no-cache"}
        if found is None:
            return Response(status_code=304, headers=headers)
        return Response(found, media_type="application/octet-stream", headers=headers)

    @routes.post("/queue")
    async def queue(run: RunName, body: Chosen) -> dict[str, Any]:
        catalog = await asyncio.to_thread(desk.catalog, run)
        catalog.check(body.items)
        return {"run": run, "added": await asyncio.to_thread(loop.queue, run, body.items)}

    return routes
