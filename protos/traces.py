"""Traces: what is told of a piece of work, and to which larger one it belongs, across all processes.

Here is only how our code says it. Who collects is set once for a process (``services/common/traces.py``); where nobody does,
all of this does nothing, and nothing is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Protocol

from protos.about import About

TRACEPARENT = "traceparent"  # the key of W3C Trace Context
Value = str | int | float | bool
Metadata = Iterable[tuple[str, str | bytes]]


class Kind(Enum):
    """Where a span is: in one process, or at one of the two ends of a call."""

    INTERNAL = "internal"
    CLIENT = "client"
    SERVER = "server"


class Span(Protocol):
    """A piece of work that has begun."""

    def note(self, **facts: Value) -> None:
        """Keeps facts beside it."""
        ...

    def fail(self, sentence: str, kind: str) -> None:
        """It came to nothing: why, and the name of the error."""
        ...


class Tracer(Protocol):
    """Collects the spans of this process. Nothing in it raises, or waits for anybody."""

    def begin(
        self, name: str, key: str, about: About, calm: tuple[type[Exception], ...] = ()
    ) -> AbstractContextManager[Span]:
        """A span that begins a trace; the same ``key`` gives the same trace, in any process at any time."""
        ...

    def span(
        self, name: str, kind: Kind, facts: Mapping[str, Value], calm: tuple[type[Exception], ...] = ()
    ) -> AbstractContextManager[Span]:
        """A part of what this thread is in."""
        ...

    def serve(self, name: str, metadata: Metadata, facts: Mapping[str, Value]) -> AbstractContextManager[Span]:
        """A part of what the caller is in, as its metadata say."""
        ...

    def apart(self) -> AbstractContextManager[object]:
        """Within the block this thread is in no trace."""
        ...

    def is_within(self) -> bool:
        """Whether this thread is in a trace."""
        ...

    def to_metadata(self) -> list[tuple[str, str]]:
        """What a call says about the trace that it belongs to."""
        ...


class _NoSpan:
    def note(self, **facts: Value) -> None:
        pass

    def fail(self, sentence: str, kind: str) -> None:
        pass


_NOTHING = _NoSpan()
_TRACER: Tracer | None = None


def collect_with(tracer: Tracer | None) -> None:
    """From now on ``tracer`` collects what this process does; None: nobody."""
    global _TRACER
    _TRACER = tracer


def tracer() -> Tracer | None:
    """Who collects."""
    return _TRACER


def trace(
    name: str, key: str, about: About, calm: tuple[type[Exception], ...] = ()
) -> AbstractContextManager[Span | _NoSpan]:
    """A piece of work that begins a trace of its own.

    Args:
        name: what it is, the same for all of its kind.
        key: which one it is; the same key gives the same trace, so that work that was killed and goes on stays one.
        about: the run, and its round.
        calm: exceptions that are no failure.
    """
    return nullcontext(_NOTHING) if _TRACER is None else _TRACER.begin(name, key, about, calm)


def span(name: str, calm: tuple[type[Exception], ...] = (), **facts: Value) -> AbstractContextManager[Span | _NoSpan]:
    """A part of the work that this thread is in; where it is in none, nobody is told."""
    if _TRACER is None or not _TRACER.is_within():
        return nullcontext(_NOTHING)
    return _TRACER.span(name, Kind.INTERNAL, facts, calm)


def apart() -> AbstractContextManager[object]:
    """Within the block nothing is a part of anything: for looks that are repeated many times a second."""
    return nullcontext() if _TRACER is None else _TRACER.apart()
