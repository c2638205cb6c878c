"""How far runs are, for all who ask: many exchanges with pages share one count."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from services.labeler.model import Progress, Reply, Visit
from services.labeler.store import cards, runs

_MANY = 5_000  # cards; to count them takes a millisecond
_LAST = 500  # open ones: then people see how few there are
_AGAIN_S = 0.25


@dataclass(frozen=True)
class _Known:
    """A count.

    Attributes:
        moment: of the run: its newest answer, its open cards, its round. While none of it moves, the count holds.
        until: when many cards are counted again, s of the monotonic clock.
    """

    progress: Progress
    moment: tuple[int, int, int]
    until: float

    @property
    def is_fresh(self) -> bool:
        """Whether it is close enough to what a count would find now."""
        many = self.progress.open + self.progress.answered > _MANY and self.progress.open > _LAST
        return many and time.monotonic() < self.until


class Counted:
    """Counts once for all who are answered in one transaction; many cards at most four times a second. For one thread."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._transaction: Any = None
        self._open: dict[str, tuple[int, int]] = {}  # of this transaction: found, and how far was counted
        self._progress: dict[str, Progress] = {}

    def open_cards(self, connection: Connection, run: str, most: int) -> int:
        """Open cards of a run in all rounds, counted no further than ``most``; for a whole transaction as it was at first."""
        self._begin(connection)
        known = self._known.get(run)
        if known is not None and known.is_fresh and known.progress.open > 2 * most:
            return most
        found, counted = self._open.get(run, (0, 0))
        if found == counted < most:
            found = cards.count_open(connection, run, most)
            self._open[run] = found, most
        return min(found, most)

    def add_to(self, connection: Connection, run: str, visit: Visit, reply: Reply) -> Reply:
        """The reply with its progress, at the end of the transaction."""
        self._begin(connection)
        if run not in self._progress:
            self._progress[run] = self._of(connection, run)
        yours = cards.count_of_annotator(connection, run, visit.author.annotator)
        return replace(reply, progress=replace(self._progress[run], yours=yours))

    def _begin(self, connection: Connection) -> None:
        transaction = connection.get_transaction()
        if transaction is not self._transaction:
            self._transaction = transaction
            self._open.clear()
            self._progress.clear()

    def _of(self, connection: Connection, run: str) -> Progress:
        known = self._known.get(run)
        if known is not None and known.is_fresh:
            return known.progress
        number = cards.current_round(connection, run)
        waiting = cards.count_open(connection, run, _MANY)
        moment = (runs.last_position(connection, run), waiting, number)
        if known is not None and known.moment == moment and waiting < _MANY:
            return known.progress
        progress = cards.progress(connection, run, number)
        self._known[run] = _Known(progress, moment, time.monotonic() + _AGAIN_S)
        return progress
