"""Who is at work."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from services.labeler.model import Author

_LOOKS = 16  # for whoever has fallen silent, in the time after which somebody is taken for gone


class People:
    """Clients that have given a sign of life lately. A guess for sharing work out, so it lives in memory.

    Args:
        seconds: of silence after which somebody is taken for gone; it is noticed a little later.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._runs: dict[str, _Crowd] = {}
        self._lock = threading.Lock()

    def at_work(self, run: str, author: Author, leaves: bool = False) -> tuple[int, frozenset[str]]:
        """Clients at work on a run after a sign of life of the author, and the annotators besides the author."""
        now = time.monotonic()
        with self._lock:
            crowd = self._runs.setdefault(run, _Crowd())
            if now >= crowd.look_at:
                crowd.forget(now - self._seconds)
                crowd.look_at = now + self._seconds / _LOOKS
            crowd.hear(author, now, leaves)
            return len(crowd.seen), crowd.names - {author.annotator}


@dataclass
class _Crowd:
    """Who is at work on a run: what an exchange needs is at hand, however many there are."""

    seen: dict[str, float] = field(default_factory=dict)  # client -> its last sign of life
    called: dict[str, str] = field(default_factory=dict)  # client -> annotator
    names: frozenset[str] = frozenset()
    look_at: float = 0.0

    def hear(self, author: Author, now: float, leaves: bool) -> None:
        if leaves:
            self.seen.pop(author.client, None)
        else:
            self.seen[author.client] = now
        if leaves or self.called.get(author.client) != author.annotator:
            self.called[author.client] = author.annotator
            self._gather()

    def forget(self, before: float) -> None:
        gone = [client for client, then in self.seen.items() if then <= before]
        for client in gone:
            del self.seen[client]
        if gone:
            self._gather()

    def _gather(self) -> None:
        self.called = {client: name for client, name in self.called.items() if client in self.seen}
        self.names = frozenset(self.called.values())
