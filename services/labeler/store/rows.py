"""Reading rows of many keys at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_CHUNK = 500  # parameters of one statement; SQLite built long ago takes 999


def chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    """The values in portions that fit into one ``IN (...)``."""
    everything = list(values)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]
