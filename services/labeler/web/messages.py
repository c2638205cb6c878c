"""What the page sends and gets. Numbers and words only: no path ever comes from a browser."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from protos.errors import InvalidInputError
from services.labeler.catalogs import RunCatalog
from services.labeler.model import Answer, Author, Card, Entry, Reply, Run, Visit
from services.labeler.pictures.shelf import Shelf
from services.labeler.text import clean

_WHOLE = 2**53 - 1  # the largest whole number that a browser counts exactly
Number = Annotated[StrictInt, Field(ge=0, le=_WHOLE)]
Client = Annotated[str, Field(pattern=r"^[a-z0-9]{8,64}$")]


class Said(BaseModel):
    """One answer; ``sequence`` grows with each answer of a client."""

    model_config = ConfigDict(extra="forbid")

    sequence: Number
    item: Number
    round: Annotated[StrictInt, Field(ge=0, le=2**32 - 1)] = 0
    answer: Literal["positive", "negative", "unsure", "retracted"]
    shown: StrictBool = False  # reason and score of the image were on the page


class Sync(BaseModel):
    """What a page sends each time."""

    model_config = ConfigDict(extra="forbid")

    client: Client
    annotator: Annotated[str, Field(max_length=200)] = ""
    events: Annotated[list[Said], Field(max_length=200)] = []
    hold: Annotated[list[Number], Field(max_length=200)] = []
    want: Annotated[StrictInt, Field(ge=0, le=200)] = 0
    leave: bool = False
    reserve: StrictBool = False  # for a time without a network

    def visit(self) -> Visit:
        """The same in the words of the core."""
        return Visit(
            author=Author(self.client, clean(self.annotator, 80) or "anonymous"),
            entries=tuple(
                Entry(said.item, said.round, Answer(said.answer), said.sequence, said.shown) for said in self.events
            ),
            hold=tuple(dict.fromkeys(self.hold)),
            want=self.want,
            leave=self.leave,
            reserve=self.reserve,
        )


class Finish(BaseModel):
    """The open cards of a round go back to the pool."""

    model_config = ConfigDict(extra="forbid")

    round: Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]


class LoopAnswer(BaseModel):
    """An answer to the loop's question."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(max_length=100)]
    answer: Annotated[str, Field(max_length=100)]


def picture_of(text: str) -> bytes:
    """The bytes of a picture that came as base64.

    Raises:
        InvalidInputError: when it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("the picture did not arrive whole; choose it again") from error


def describe_run(run: Run, open_cards: int) -> dict[str, Any]:
    """A run in the list of runs."""
    return {
        "run": run.run,
        "name": run.name,
        "question": run.question,
        "open": open_cards,
        "finished": run.finished is not None,
    }


def describe_reply(reply: Reply, catalog: RunCatalog | None, shelf: Shelf) -> dict[str, Any]:
    """What a page gets back; without a catalog (its artifact is gone) images have numbers only."""
    return {
        "run": reply.run.run,
        "name": reply.run.name,
        "question": reply.run.question,
        "definition": reply.run.definition,
        "batch_size": reply.run.batch_size,
        "continuous": reply.run.continuous,
        "finished": reply.run.finished,
        "saved": reply.outcome.saved,
        "standing": reply.outcome.standing,
        "refused": [{"sequence": number, "why": why} for number, why in reply.outcome.refused.items()],
        "held": reply.held,
        "others": reply.others,
        "cards": [_describe_card(card, reply.run, catalog, shelf) for card in reply.cards],
        "progress": {
            "round": reply.progress.round,
            "open": reply.progress.open,
            "answered": reply.progress.answered,
            "positives": reply.progress.positives,
            "yours": reply.progress.yours,
        },
    }


def _describe_card(card: Card, run: Run, catalog: RunCatalog | None, shelf: Shelf) -> dict[str, Any]:
    version = "0" if catalog is None else shelf.version(catalog, card.item)
    return {
        "item": card.item,
        "round": card.round,
        "name": f"image {card.item}" if catalog is None else clean(catalog.name(card.item), 200),
        "image": f"api/runs/{run.run}/images/{card.item}?v={version}",
        **({"reason": clean(card.reason, 100), "score": card.score} if run.show_scores else {}),
    }
