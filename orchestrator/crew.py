"""The embedders at work: who they are, how fast each is, and how many calls keep them busy."""

from __future__ import annotations

import time
from collections.abc import Callable

_SILENT_S = 30.0  # a worker that has not answered for so long is taken for gone
_PER_WORKER = 2  # one call computes, the next is on its way
_MOST = 256


class Crew:
    """Learns from the answers which replicas there are; nobody has to announce one.

    Args:
        at_least: calls in flight however few replicas there are.
        clock: seconds, monotonic.
    """

    def __init__(self, at_least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_least, self._clock = at_least, clock
        self._start = clock()
        self._seen: dict[str, tuple[float, float, int]] = {}  # worker -> first call sent, last answer, images
        self._images = 0

    def answered(self, worker: str, images: int, seconds: float) -> None:
        """A call that took ``seconds`` has come back from ``worker`` with ``images``."""
        now = self._clock()
        first, _, before = self._seen.get(worker, (now - seconds, now, 0))
        self._seen[worker] = (first, now, before + images)
        self._images += images

    @property
    def workers(self) -> list[str]:
        """Those that have answered lately, in the order of their names."""
        now = self._clock()
        return sorted(worker for worker, (_, last, _) in self._seen.items() if now - last < _SILENT_S)

    def in_flight(self) -> int:
        """How many calls there should be: the more replicas answer, the more, until each has one in work and one waiting."""
        return max(self._at_least, min(_PER_WORKER * len(self.workers), _MOST))

    def note(self, left: int) -> str:
        """Images a second in all and of each worker, and how long ``left`` images will take."""
        rate = self._images / max(self._clock() - self._start, 1e-3)
        words = f"{rate:.0f} images/s, {_duration(left / rate) if rate else 'no end'} left"
        workers = self.workers
        if len(workers) < 2:
            return words
        each = ", ".join(f"{worker.rpartition('-')[2]} {self._rate(worker):.0f}/s" for worker in workers)
        return f"{words}; {len(workers)} workers: {each}"

    def _rate(self, worker: str) -> float:
        first, last, images = self._seen[worker]
        return images / max(last - first, 1e-3)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
