"""What waits to be made, in the order in which people will want it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from pathlib import Path

from services.labeler.pictures.display import PLAIN, Look


class Urgency(IntEnum):
    """What is made first.

    Attributes:
        NOW: somebody looks at the place of one image.
        SHEET: somebody looks at a sheet of many, or just did: the newest sheet comes first.
        AHEAD: nobody waits for it yet.
    """

    NOW = 1
    SHEET = 2
    AHEAD = 3


_END = 0  # before all


@dataclass(order=True)
class Order:
    """One derivative to be made.

    Attributes:
        turn: among those of the same urgency; the least comes first.
    """

    urgency: int
    turn: int
    number: int
    name: str = field(compare=False)
    source: Path = field(compare=False)
    look: Look = field(compare=False, default=PLAIN)


class Orders:
    """A queue of orders for one kind of worker.

    Args:
        gathers: those of one image come one after another, as it is decoded once for all of them. What is ordered of it after its
            turn has begun waits for another turn, so that nobody has the worker alone.
    """

    def __init__(self, gathers: bool = False) -> None:
        self._queue: queue.PriorityQueue[Order] = queue.PriorityQueue()
        self._numbers = count()
        self._gathers = gathers
        self._turns: dict[Path, int] = {}  # of images whose turn has not begun

    def put(self, urgency: Urgency, turn: int, name: str, source: Path, look: Look) -> None:
        """Adds an order. For one thread at a time, also with `begin`."""
        number = next(self._numbers)
        if self._gathers:
            turn = self._turns.setdefault(source, number)
        self._queue.put(Order(urgency, turn, number, name, source, look))

    def begin(self, order: Order) -> None:
        """Somebody is at work on an order."""
        if self._turns.get(order.source) == order.turn:
            del self._turns[order.source]

    def newest_turn(self) -> int:
        """A turn before all that there are already."""
        return -next(self._numbers)

    def end(self) -> None:
        """Ends one of those who take."""
        self._queue.put(Order(_END, 0, next(self._numbers), "", Path()))

    def taken(self, patience_s: float | None = None) -> Iterator[Order | None]:
        """The orders, each taken by one; None where none has come for so long, and then it is waited for without an end."""
        patience = patience_s
        while True:
            try:
                order = self._queue.get(timeout=patience)
            except queue.Empty:
                patience = None
                yield None
                continue
            if order.urgency == _END:
                return
            patience = patience_s
            yield order
