"""The embedders at work: who they are, how fast each is, how many calls keep them busy, and how large a call is."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.rates import Rates, WorkerRate

_CALL_S = 2.0  # a call carries as many blocks as take about this long, its wait for an earlier call included
_LATELY = 16  # answers of a worker that say how fast it is
_LEAST_SILENT_S, _MOST_SILENT_S = 5.0, 30.0
_SILENT_CALLS = 4  # a worker is taken for gone after so many times the longest call that it has answered
_PER_WORKER = 2  # one call computes, the next is on its way
_MOST = 256
_MOST_BLOCKS = 64


@dataclass
class _Member:
    """What is known of a worker: its last answers (time, images and blocks up to then), slowest call in seconds, device."""

    answers: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=_LATELY))
    slowest: float = 0.0
    device: str = ""

    def answered(self, now: float, images: int, blocks: int, seconds: float) -> None:
        """One more answer, to a call of ``seconds``; the first one tells when the worker began."""
        if not self.answers:
            self.answers.append((now - seconds, 0, 0))
        _, before, blocks_before = self.answers[-1]
        self.answers.append((now, before + images, blocks_before + blocks))
        self.slowest = max(self.slowest, seconds)

    @property
    def last(self) -> float:
        """When it answered last."""
        return self.answers[-1][0]

    @property
    def rates(self) -> tuple[float, float]:
        """Images and blocks a second, lately."""
        (begin, images, blocks), (end, images_now, blocks_now) = self.answers[0], self.answers[-1]
        seconds = max(end - begin, 1e-3)
        return (images_now - images) / seconds, (blocks_now - blocks) / seconds

    @property
    def silent_s(self) -> float:
        """How long it may say nothing. One that is killed comes back under another name, and must not count twice for long."""
        usual = min(_SILENT_CALLS * self.slowest, _MOST_SILENT_S)
        return max(_LEAST_SILENT_S, usual, 2 * self.slowest)  # calls of minutes are answered in minutes


class Crew:
    """Learns from the answers which replicas there are; nobody has to announce one.

    Args:
        at_least: calls in flight however few replicas there are.
        at_work: how many replicas answer health checks or calls; up to 1: who answers says how many there are.
        clock: seconds, monotonic.
    """

    def __init__(
        self, at_least: int, at_work: Callable[[], int] = lambda: 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_least, self._at_work, self._clock = at_least, at_work, clock
        self._start = clock()
        self._members: dict[str, _Member] = {}
        self._images = 0

    def answered(self, worker: str, images: int, blocks: int, seconds: float, device: str = "") -> None:
        """A call that took ``seconds`` has come back from ``worker`` with ``images`` in ``blocks``, made on ``device``."""
        member = self._members.setdefault(worker, _Member())
        member.answered(self._clock(), images, blocks, seconds)
        member.device = device
        self._images += images

    @property
    def last_answer(self) -> float:
        """When anybody answered last, by the clock; before all times where nobody has."""
        return max((member.last for member in self._members.values()), default=-math.inf)

    @property
    def workers(self) -> list[str]:
        """Those that have answered lately, in the order of their names."""
        now = self._clock()
        return sorted(worker for worker, member in self._members.items() if now - member.last < member.silent_s)

    def in_flight(self) -> int:
        """How many calls there should be: each replica has one in work and one waiting, from the moment that it is known."""
        known = self._at_work()
        return max(self._at_least, min(_PER_WORKER * (known if known > 1 else len(self.workers)), _MOST))

    def blocks(self, left: int) -> int:
        """How many of the ``left`` blocks the next call carries; fewer towards the end, so that all workers end together.

        All calls in flight together are what all workers do in two seconds (Little's law), whoever gets which of them.
        """
        in_flight = self.in_flight()
        rate = sum(self._members[worker].rates[1] for worker in self.workers)
        return max(1, min(round(_CALL_S * rate / in_flight), _MOST_BLOCKS, -(-left // (2 * in_flight))))

    def rates(self) -> Rates:
        """Images a second of each worker at work, and in all; since the beginning, where none has answered lately."""
        each = tuple(
            WorkerRate(worker, self._members[worker].device, self._members[worker].rates[0]) for worker in self.workers
        )
        rate = sum(worker.per_second for worker in each)
        return Rates(rate or self._images / max(self._clock() - self._start, 1e-3), each)
