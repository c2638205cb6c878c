"""Waking those who watch a run."""

from __future__ import annotations

import threading


class Changes:
    """A counter a run that moves with each change, and a way to wait for that."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._count: dict[str, int] = {}

    def bump(self, run: str) -> None:
        """Says that a run has changed."""
        with self._moved:
            self._count[run] = self._count.get(run, 0) + 1
            self._moved.notify_all()

    def count(self, run: str) -> int:
        """How often a run has changed so far."""
        with self._moved:
            return self._count.get(run, 0)

    def wait(self, run: str, seen: int, seconds: float) -> None:
        """Blocks until the run has changed more than ``seen`` times, or ``seconds`` are over."""
        with self._moved:
            self._moved.wait_for(lambda: self._count.get(run, 0) != seen, seconds)
