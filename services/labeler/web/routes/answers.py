"""What was said about images, on offer or not, to look at and to correct: all of it for admins, their own for annotators."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from protos.errors import InvalidInputError
from services.labeler.desk import Desk
from services.labeler.filtering import Filter
from services.labeler.model import Answer, Author, Entry
from services.labeler.own_answers import OwnAnswers, examples_of_all
from services.labeler.text import clean
from services.labeler.web.asking import RunName, is_admin
from services.labeler.web.messages import Client, Number, Said
from services.labeler.web.routes.views import Views

EXAMPLES = 6  # of each side
MOST_OWN = 500  # of somebody's answers at once
Name = Annotated[str, Query(max_length=200)]
_BYTES = "application/octet-stream"


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
        return [Entry(said.item, said.round, Answer(said.answer), said.sequence, said.shown) for said in self.events]


class Tiles(BaseModel):
    """Images whose names and addresses a page wants."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Number], Field(max_length=500)]
    annotator: Annotated[str, Field(max_length=200)] = ""


def router(views: Views, desk: Desk) -> APIRouter:
    """The routes over the views and a desk. ``annotator`` is who asks; for admins, in /items, whose answers are wanted."""
    routes = APIRouter(prefix="/api/runs/{run}")

    def own_of(request: Request, annotator: str) -> OwnAnswers | None:
        """The view of an annotator; None: all may be seen."""
        return None if is_admin(request) else OwnAnswers(views.browsing, clean(annotator, 80) or "anonymous")

    @routes.post("/tiles")
    async def tiles(run: RunName, body: Tiles, request: Request) -> dict[str, Any]:
        own = own_of(request, body.annotator)
        return {"run": run, "tiles": await asyncio.to_thread(views.tiles, run, body.items, own)}

    @routes.get("/items")
    async def items(
        request: Request,
        run: RunName,
        label: Literal["none", "positive", "negative", "unsure"] | None = None,
        low: Annotated[float, Field(ge=0, le=1)] | None = None,
        high: Annotated[float, Field(ge=0, le=1)] | None = None,
        round: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None,
        annotator: Annotated[str, Field(max_length=200)] | None = None,
        disagreement: bool = False,
        flagged: bool = False,
        quarantined: bool = False,
        sort: Literal["item", "highest", "lowest", "unsure"] = "item",
    ) -> Response:
        wanted = Filter(label, low, high, round, annotator, disagreement, flagged, quarantined, sort)
        own = own_of(request, annotator or "")
        if own is None:
            found = await asyncio.to_thread(views.items, run, wanted)
        else:
            _check_own(wanted)
            found = await asyncio.to_thread(own.items, run, label)
        return Response(found.astype("<u4").tobytes(), media_type=_BYTES)

    @routes.get("/labels")
    async def labels(run: RunName, request: Request, annotator: Name = "") -> Response:
        own = own_of(request, annotator)
        found = await asyncio.to_thread(views.labels if own is None else own.labels, run)
        return Response(found.tobytes(), media_type=_BYTES)

    @routes.get("/mine")
    async def mine(
        run: RunName,
        annotator: Name = "",
        before: Annotated[int, Query(ge=0, le=2**53 - 1)] | None = None,
        count: Annotated[int, Query(ge=1, le=MOST_OWN)] = 60,
        answer: Literal["positive", "negative", "unsure"] | None = None,
    ) -> dict[str, Any]:
        """What somebody has answered, the newest first: a page that opens again goes on where another one ended."""
        own = OwnAnswers(views.browsing, clean(annotator, 80) or "anonymous")
        wanted = None if answer is None else Answer(answer)
        return {"run": run, "answers": await asyncio.to_thread(_given, views, run, own, before, count, wanted)}

    @routes.get("/examples")
    async def examples(run: RunName, request: Request, annotator: Name = "") -> dict[str, Any]:
        """A few images of each side, to explain the question by."""
        own = own_of(request, annotator)
        return {"run": run, **await asyncio.to_thread(_examples, views, run, own)}

    @routes.post("/marks")
    async def marks(run: RunName, body: Marked, request: Request) -> dict[str, Any]:
        author = body.author()
        own = own_of(request, author.annotator)
        if own is not None:
            await asyncio.to_thread(own.check, run, [said.item for said in body.events])
        future = await asyncio.to_thread(desk.mark, run, author, body.entries())
        outcome = await asyncio.shield(asyncio.wrap_future(future))
        return {"run": run, "saved": outcome.saved, "standing": outcome.standing}

    return routes


def _check_own(wanted: Filter) -> None:
    """Annotators choose among their own answers by label alone: what else there is tells of the model and of others."""
    if wanted != Filter(label=wanted.label, annotator=wanted.annotator):
        raise InvalidInputError(
            "annotators look at their own answers, by label alone; an admin may use the other filters"
        )


def _examples(views: Views, run: str, own: OwnAnswers | None) -> dict[str, list[dict[str, Any]]]:
    found = examples_of_all(views.browsing, run, EXAMPLES) if own is None else own.examples(run, EXAMPLES)
    return {side.value: [_shown(tile) for tile in views.tiles(run, items, own)] for side, items in found.items()}


def _given(
    views: Views, run: str, own: OwnAnswers, before: int | None, count: int, answer: Answer | None
) -> list[dict[str, Any]]:
    """Answers with the cards that they were given to."""
    found = own.newest(run, before, count, answer)
    return [
        {**card, "round": event.round, "answer": event.answer.value, "position": event.position}
        for card, event in zip(views.cards(run, [event.item for event in found]), found, strict=True)
    ]


def _shown(tile: dict[str, Any]) -> dict[str, Any]:
    """What explains: the picture and its name."""
    return {name: tile[name] for name in ("item", "name", "image")}
