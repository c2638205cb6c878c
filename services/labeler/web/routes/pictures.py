"""A sheet of pictures."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.labeler.desk import Desk
from services.labeler.pictures.shelf import Shelf
from services.labeler.web.asking import RunName
from services.labeler.web.messages import Number
from services.labeler.web.sheets import Sheet


class Wanted(BaseModel):
    """Images whose tiles a page wants, those that it wants first at the beginning."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Number], Field(min_length=1, max_length=200)]


def router(desk: Desk, shelf: Shelf) -> APIRouter:
    """The route over a desk and its derivatives."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.post("/pictures")
    async def pictures(run: RunName, body: Wanted) -> Response:
        catalog = await asyncio.to_thread(desk.catalog, run)
        promised = await asyncio.to_thread(shelf.sheet, catalog, body.items)
        return Sheet([future for _, future in promised], lambda: shelf.withdraw(promised))

    return routes
