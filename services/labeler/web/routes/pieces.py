"""A closer look at an image with more pixels than its full picture shows: how many there are, and pieces with all of them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BeforeValidator

from services.labeler.pictures.display import media_type
from services.labeler.pictures.pyramid import PIECE_SIDE, Piece
from services.labeler.web.asking import RunName
from services.labeler.web.counter import MOST_ITEM, PICTURE_CACHING, Counter

_MOST = 2**20  # columns, rows and levels have fewer; what there really is, the image says


def _plain(text: Any) -> Any:
    """One way to write a number only: each piece has one address."""
    if not re.fullmatch("0|[1-9][0-9]{0,15}", str(text)):
        raise ValueError(f"{str(text)[:30]!r} is no whole number in plain digits")
    return text


Item = Annotated[int, BeforeValidator(_plain), InPath(ge=0, le=MOST_ITEM)]
Place = Annotated[int, BeforeValidator(_plain), InPath(ge=0, le=_MOST)]


def router(counter: Counter) -> APIRouter:
    """The routes over a counter."""
    routes = APIRouter(prefix="/api/runs/{run}/images/{item}")

    @routes.get("/size")
    async def size(run: RunName, item: Item) -> dict[str, Any]:
        """The pixels of the upright image, and how many levels of pieces there are; 0: the full picture shows all."""
        found = await counter.size(run, item)
        words = {"width": found.width, "height": found.height, "side": PIECE_SIDE, "levels": found.levels}
        return {"run": run, "item": item, **words}

    @routes.get("/pieces/{level}/{column}/{row}")
    async def piece(
        run: RunName, item: Item, level: Place, column: Place, row: Place, levels: Literal["", "auto"] = ""
    ) -> Response:
        data = await counter.piece(run, item, Piece(level, column, row), levels == "auto")
        return Response(data, media_type=media_type(data), headers={"Cache-Control": PICTURE_CACHING})

    return routes
