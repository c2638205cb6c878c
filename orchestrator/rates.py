"""How fast a step goes that several workers share: in all, each of them, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LATELY_S = 10.0  # an older note says how old it is


@dataclass(frozen=True)
class WorkerRate:
    """A worker at work: its name, what it computes on, and how many images it does in a second."""

    name: str
    device: str
    per_second: float

    @property
    def short(self) -> str:
        """The end of the name, which tells replicas apart on one screen line."""
        return self.name.rpartition("-")[2]


@dataclass(frozen=True)
class Rates:
    """Images a second in all, and of each worker at work.

    One time is left for all workers: who is faster gets more to do, so that all have work until the end.
    """

    per_second: float
    workers: tuple[WorkerRate, ...] = ()

    def words(self, left: int) -> str:
        """For a line of a screen: images a second, how long ``left`` images will take, each worker where there are several."""
        line = f"{self.per_second:.0f} images/s, {self.time(left)} left"
        if len(self.workers) < 2:
            return line
        each = ", ".join(f"{worker.short} {worker.per_second:.0f}/s" for worker in self.workers)
        return f"{line}; {len(self.workers)} workers: {each}"

    def time(self, left: int) -> str:
        """How long ``left`` images will take, hours:minutes:seconds; "no end" where nothing moves."""
        return duration(left / self.per_second) if self.per_second > 0 else "no end"


@dataclass(frozen=True)
class Embedding:
    """How far the embedding of a run is: images done of how many, and how fast."""

    done: int
    total: int
    rates: Rates

    def lines(self, at_work: bool, age_s: float) -> Sequence[str]:
        """For `status`: a line for all, and one for each worker; of a run that nobody works on only how far it is."""
        so_far = f"{self.done} of {self.total} images"
        if not at_work:
            return [f"{so_far} so far"]
        old = f", as of {age_s:.0f} s ago" if age_s > _LATELY_S else ""
        all_of_it = (
            f"{so_far}, {self.rates.per_second:.0f} images/s, {self.rates.time(self.total - self.done)} left{old}"
        )
        width = max((len(worker.name) for worker in self.rates.workers), default=0)
        return [
            all_of_it,
            *(f"{one.name:<{width}}  {one.per_second:.0f} images/s  {one.device}" for one in self.rates.workers),
        ]


def duration(seconds: float) -> str:
    """Hours:minutes:seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
