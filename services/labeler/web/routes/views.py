"""Search, browsing, and the dashboard: what a page asks that looks at the whole data set."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from protos.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.filtering import Filter
from services.labeler.loop import Loop
from services.labeler.model import Remark
from services.labeler.own_answers import OwnAnswers
from services.labeler.pictures.shelf import Shelf
from services.labeler.text import clean
from services.labeler.web.asking import RunName, is_admin
from services.labeler.web.messages import Number, picture_of

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
        return given[0] if self.picture is None else picture_of(self.picture)


class Continuous(BaseModel):
    """Continuous mode on or off."""

    model_config = ConfigDict(extra="forbid")

    on: StrictBool


class Nothing(BaseModel):
    """A request that says all by its address."""

    model_config = ConfigDict(extra="forbid")


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

    def tiles(self, run: str, items: list[int], own: OwnAnswers | None = None) -> list[dict[str, Any]]:
        """Name, address and label of images, and what was noted on them.

        Args:
            own: whose labels and notes; None: those of all.
        """
        catalog = self._desk.catalog(run)
        labels = self.browsing.marks(run).label if own is None else own.labels(run)
        catalog.check(items)
        notes = _notes(remark for remark in self._desk.remarks(run) if own is None or remark.annotator == own.annotator)
        return [
            {
                "item": item,
                "name": clean(catalog.name(item), 200),
                "image": f"api/runs/{run}/images/{item}?v={self._shelf.version(catalog, item)}&size=tile",
                "label": int(labels[item]),
                **({"notes": notes[item]} if item in notes else {}),
            }
            for item in items
        ]

    def cards(self, run: str, items: list[int]) -> list[dict[str, Any]]:
        """Images as an exchange describes cards, with a small picture each."""
        catalog = self._desk.catalog(run)
        addresses = {item: f"api/runs/{run}/images/{item}?v={self._shelf.version(catalog, item)}" for item in items}
        return [
            {"item": item, "name": clean(catalog.name(item), 200), "image": image, "small": f"{image}&size=tile"}
            for item, image in addresses.items()
        ]

    def items(self, run: str, wanted: Filter) -> NDArray[np.uint32]:
        """The images that fit."""
        aside = self._loop.quarantine(run) if wanted.quarantined else ()
        return self.browsing.items(run, wanted, self._scores(run), aside)

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


def _notes(remarks: Iterable[Remark]) -> dict[int, list[str]]:
    """Who has said what of which image."""
    notes: dict[int, list[str]] = {}
    for remark in remarks:
        notes.setdefault(remark.item, []).append(f"{remark.annotator}: {remark.note or 'flagged'}")
    return notes


def router(views: Views, loop: Loop) -> APIRouter:
    """The routes over the views and a loop."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/dashboard")
    async def dashboard(run: RunName, request: Request) -> dict[str, Any]:
        board = await asyncio.to_thread(views.dashboard, run)
        return board if is_admin(request) else {**board, "people": []}

    @routes.post("/search")
    async def search(run: RunName, body: Look) -> dict[str, Any]:
        return await asyncio.to_thread(views.search, run, body)

    @routes.get("/rounds")
    async def rounds(run: RunName) -> Response:
        return Response((await asyncio.to_thread(views.rounds, run)).tobytes(), media_type=_BYTES)

    @routes.get("/scores")
    async def scores(run: RunName) -> Response:
        return Response(await asyncio.to_thread(loop.scores, run), media_type=_BYTES)

    @routes.post("/continuous")
    async def continuous(run: RunName, body: Continuous) -> dict[str, Any]:
        await asyncio.to_thread(loop.set_continuous, run, body.on)
        return {"run": run, "on": body.on}

    @routes.post("/stop")
    async def stop(run: RunName, body: Nothing) -> dict[str, Any]:
        await asyncio.to_thread(loop.stop, run)
        return {"run": run}

    return routes
