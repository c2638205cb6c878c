"""Who is at work."""

from __future__ import annotations

import threading
import time


class People:
    """Clients that have given a sign of life lately. A guess for sharing work out, so it lives in memory.

    Args:
        seconds: of silence after which somebody is taken for gone.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def count(self, run: str, client: str, leaves: bool = False) -> int:
        """How many are at work on a run, after a sign of life of ``client``."""
        now = time.monotonic()
        with self._lock:
            seen = {name: then for name, then in self._seen.get(run, {}).items() if now - then < self._seconds}
            seen[client] = now
            if leaves:
                del seen[client]
            self._seen[run] = seen
            return len(seen)
