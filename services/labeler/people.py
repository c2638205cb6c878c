"""Who is at work."""

from __future__ import annotations

import threading
import time

from services.labeler.model import Author


class People:
    """Clients that have given a sign of life lately. A guess for sharing work out, so it lives in memory.

    Args:
        seconds: of silence after which somebody is taken for gone.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, dict[str, tuple[float, str]]] = {}
        self._lock = threading.Lock()

    def at_work(self, run: str, author: Author, leaves: bool = False) -> tuple[int, frozenset[str]]:
        """Clients at work on a run after a sign of life of the author, and the annotators besides the author."""
        now = time.monotonic()
        with self._lock:
            seen = {
                client: (then, name)
                for client, (then, name) in self._seen.get(run, {}).items()
                if now - then < self._seconds
            }
            seen[author.client] = (now, author.annotator)
            if leaves:
                del seen[author.client]
            self._seen[run] = seen
            return len(seen), frozenset(name for _, name in seen.values()) - {author.annotator}
