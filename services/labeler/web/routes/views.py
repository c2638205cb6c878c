"""Search, browsing, and the dashboard: what a page asks that looks at the whole data set."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from protos.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from services.labeler.browsing import Browsing, Filter
from services.labeler.desk import Desk
from services.labeler.loop import Loop
from services.labeler.model import Answer, Author, Entry, Remark
from services.labeler.pictures.shelf import Shelf
from services.labeler.text import clean
from services.labeler.web.asking import RunName, is_admin
from services.labeler.web.messages import Client, Number, Said

_BYTES = "application/octet-stream"


class Look(BaseModel):
    """A search: by exactly one of a picture (base64 of an image file), an image, and a phrase."""

    model_config = ConfigDict(extra="forbid")

    picture: Annotated[str, Field(min_length=1)] | None = None
    item: Number | None = None
    phrase: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    k: Annotated[StrictInt, Field(ge=1, le=1000)] = 60

    def query(self) -> bytes | int | str:
        """What is looked for.

        Raises:
            InvalidInputError: when it is not one thing, or the picture is no base64.
        """
        given = [each for each in (self.picture, self.item, self.phrase) if each is not None]
        if len(given) != 1:
            raise InvalidInputError(
                f"the search has {len(given)} things to go by; send a picture, an image or a phrase"
            )
        if self.picture is None:
            return given[0]
        try:
            return base64.b64decode(self.picture, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError("the picture did not arrive whole; choose it again") from error


class Continuous(BaseModel):
    """Continuous mode on or off."""

    model_config = ConfigDict(extra="forbid")

    on: StrictBool


class Nothing(BaseModel):
    """A request that says all by its address."""

    model_config = ConfigDict(extra="forbid")


class Marked(BaseModel):
    """Answers about images that need not be on offer."""

    model_config = ConfigDict(extra="forbid")

    client: Client
    annotator: Annotated[str, Field(max_length=200)] = ""
    events: Annotated[list[Said], Field(min_length=1, max_length=1000)]

    def author(self) -> Author:
        """Who says so."""
        return Author(self.client, clean(self.annotator, 80) or "anonymous")

    def entries(self) -> list[Entry]:
        """The same in the words of the core."""
        return [Entry(said.item, said.round, Answer(said.answer), said.sequence) for said in self.events]


class Tiles(BaseModel):
    """Images whose names and addresses a page wants."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Number], Field(max_length=500)]


class Views:
    """What the routes do.

    Args:
        desk, shelf, loop, browsing: of the labeler.

    Attributes:
        browsing: what was said about each image.
    """

    def __init__(self, desk: Desk, shelf: Shelf, loop: Loop, browsing: Browsing) -> None:
        self._desk, self._shelf, self._loop = desk, shelf, loop
        self.browsing = browsing

    def dashboard(self, run: str) -> dict[str, Any]:
        """What the loop knows, and what the desk knows of queue and people; of people, admins only are told."""
        queue = self._desk.queue(run, None)
        return {
            **self._loop.dashboard(run),
            "queue": {"open": queue.open, "held": queue.held, "unsure": queue.unsure, "answers": queue.last},
            "people": self.browsing.annotators(run),
        }

    def search(self, run: str, look: Look) -> dict[str, Any]:
        """Neighbours, as tiles."""
        items, distances = self._loop.search(run, look.query(), look.k)
        return {"run": run, "tiles": self.tiles(run, items), "distances": distances}

    def tiles(self, run: str, items: list[int]) -> list[dict[str, Any]]:
        """Name, address and label of images."""
        catalog, marks = self._desk.catalog(run), self.browsing.marks(run)
        catalog.check(items)
        notes = _notes(self._desk.remarks(run))
        return [
            {
                "item": item,
                "name": clean(catalog.name(item), 200),
                "image": f"api/runs/{run}/images/{item}?v={self._shelf.version(catalog, item)}&size=tile",
                "label": int(marks.label[item]),
                **({"notes": notes[item]} if item in notes else {}),
            }
            for item in items
        ]

    def items(self, run: str, wanted: Filter) -> NDArray[np.uint32]:
        """The images that fit."""
        return self.browsing.items(run, wanted, self._scores(run))

    def labels(self, run: str) -> NDArray[np.uint8]:
        """The label of each image."""
        return self.browsing.marks(run).label.copy()

    def rounds(self, run: str) -> NDArray[np.int32]:
        """The round of the newest answer about each image; -1: none."""
        return self.browsing.marks(run).round.astype("<i4")

    def _scores(self, run: str) -> NDArray[np.float32] | None:
        """Probabilities; None while nobody can say: browsing needs no loop."""
        rows = self._desk.catalog(run).rows
        try:
            scores = np.frombuffer(self._loop.scores(run), dtype="<f4")
        except (ConflictError, NotFoundError, UnavailableError):
            return None
        return scores if len(scores) == rows else None


def _notes(remarks: list[Remark]) -> dict[int, list[str]]:
    """Who has said what of which image."""
    notes: dict[int, list[str]] = {}
    for remark in remarks:
        notes.setdefault(remark.item, []).append(f"{remark.annotator}: {remark.note or 'flagged'}")
    return notes


def router(views: Views, desk: Desk, loop: Loop) -> APIRouter:
    """The routes over the views, a desk and a loop."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/dashboard")
    async def dashboard(run: RunName, request: Request) -> dict[str, Any]:
        board = await asyncio.to_thread(views.dashboard, run)
        return board if is_admin(request) else {**board, "people": []}

    @routes.post("/search")
    async def search(run: RunName, body: Look) -> dict[str, Any]:
        return await asyncio.to_thread(views.search, run, body)

    @routes.post("/tiles")
    async def tiles(run: RunName, body: Tiles) -> dict[str, Any]:
        return {"run": run, "tiles": await asyncio.to_thread(views.tiles, run, body.items)}

    @routes.get("/items")
    async def items(
        run: RunName,
        label: Literal["none", "positive", "negative", "unsure"] | None = None,
        low: Annotated[float, Field(ge=0, le=1)] | None = None,
        high: Annotated[float, Field(ge=0, le=1)] | None = None,
        round: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None,
        annotator: Annotated[str, Field(max_length=200)] | None = None,
        disagreement: bool = False,
        flagged: bool = False,
        sort: Literal["item", "highest", "lowest", "unsure"] = "item",
    ) -> Response:
        wanted = Filter(label, low, high, round, annotator, disagreement, flagged, sort)
        found = await asyncio.to_thread(views.items, run, wanted)
        return Response(found.astype("<u4").tobytes(), media_type=_BYTES)

    @routes.get("/labels")
    async def labels(run: RunName) -> Response:
        return Response((await asyncio.to_thread(views.labels, run)).tobytes(), media_type=_BYTES)

    @routes.get("/rounds")
    async def rounds(run: RunName) -> Response:
        return Response((await asyncio.to_thread(views.rounds, run)).tobytes(), media_type=_BYTES)

    @routes.get("/scores")
    async def scores(run: RunName) -> Response:
        return Response(await asyncio.to_thread(loop.scores, run), media_type=_BYTES)

    @routes.post("/marks")
    async def marks(run: RunName, body: Marked) -> dict[str, Any]:
        future = await asyncio.to_thread(desk.mark, run, body.author(), body.entries())
        outcome = await asyncio.shield(asyncio.wrap_future(future))
        return {"run": run, "saved": outcome.saved, "standing": outcome.standing}

    @routes.post("/continuous")
    async def continuous(run: RunName, body: Continuous) -> dict[str, Any]:
        await asyncio.to_thread(loop.set_continuous, run, body.on)
        return {"run": run, "on": body.on}

    @routes.post("/stop")
    async def stop(run: RunName, body: Nothing) -> dict[str, Any]:
        await asyncio.to_thread(loop.stop, run)
        return {"run": run}

    return routes
