"""What the work at hand belongs to: run and round go with every call, so that every line of every log can name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

RUN, ROUND = "active-labeler-run", "active-labeler-round"  # keys of the metadata
_LONGEST = 100


@dataclass(frozen=True)
class About:
    """The run, and its round; "" and None where there is none."""

    run: str = ""
    round: int | None = None


_NOW: ContextVar[About] = ContextVar("about", default=About())  # noqa: B039 - frozen


def about() -> About:
    """What this thread is working for."""
    return _NOW.get()


def enter_round(number: int) -> None:
    """From now on this thread works for another round of its run."""
    _NOW.set(About(_NOW.get().run, number))


@contextmanager
def working_for(run: str, number: int | None = None) -> Iterator[None]:
    """Within the block this thread works for ``run``, in round ``number``."""
    token = _NOW.set(About(run, number))
    try:
        yield
    finally:
        _NOW.reset(token)


def to_metadata() -> list[tuple[str, str]]:
    """What a call says about itself."""
    now = about()
    run = [(RUN, now.run)] if now.run.isascii() and now.run.isprintable() and now.run else []
    return [*run, *([(ROUND, str(now.round))] if now.round is not None else [])]


def of_call(metadata: Iterable[tuple[str, str | bytes]], request: Any) -> About:
    """What a call belongs to: as its request says, or else its metadata. Nothing in there is trusted to be of any form."""
    said = {str(key): value for key, value in metadata if key in (RUN, ROUND)}
    run = getattr(request, "run", "") or said.get(RUN, "")
    number = getattr(request, "round", None) or _number(said.get(ROUND))
    return About(_clean(run), number if isinstance(number, int) else None)


def _number(value: str | bytes | None) -> int | None:
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _clean(run: object) -> str:
    """A line of a log stays one line, whoever sends the name."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(run)[:_LONGEST])
