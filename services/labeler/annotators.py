"""What each annotator has done, and how far annotators agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from services.labeler.model import Answer, Event

SETTLED = "settled"  # reason of an answer that somebody gave who saw those of the others: it is no vote
IMPORTED = "seed folder"  # annotator of labels that no person gave here
_PAUSE_MS = 60_000  # whoever says nothing for so long does something else
_LEAST_MS = 5_000  # of work, before a speed means anything


@dataclass(slots=True)
class Tally:
    """One annotator's work.

    Attributes:
        answers: that stand, of each kind.
        undone: answers taken back.
        steps, at_work_ms: answers that came within a minute of the one before, and the time that they took.
        last_ms: of the newest answer.
    """

    answers: Counter[Answer]
    undone: int = 0
    steps: int = 0
    at_work_ms: int = 0
    last_ms: int = 0

    @property
    def per_minute(self) -> float | None:
        """Answers a minute while at work; None where too little is known, as of imported labels."""
        return None if self.at_work_ms < _LEAST_MS else self.steps * 60_000 / self.at_work_ms

    def add(self, event: Event) -> None:
        """Takes in the next event of this annotator; what stands is counted by the caller."""
        if event.answer is Answer.RETRACTED:
            self.undone += 1
            return
        passed = event.time_ms - self.last_ms
        if self.last_ms and 0 <= passed <= _PAUSE_MS:
            self.steps += 1
            self.at_work_ms += passed
        self.last_ms = event.time_ms


def decided(votes: Mapping[str, Event]) -> dict[str, Answer]:
    """The votes on one image that say yes or no, by annotator: unsure is no vote."""
    return {name: vote.answer for name, vote in votes.items() if vote.answer is not Answer.UNSURE}


def differ(votes: Mapping[str, Event]) -> bool:
    """Whether somebody says yes to an image, and somebody no."""
    return len(set(decided(votes).values())) > 1


def agreements(several: Iterable[Mapping[str, Event]]) -> tuple[Counter[str], Counter[str]]:
    """Of images with several votes: for each annotator the comparisons with others' votes, and those that agree."""
    shared: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for votes in several:
        for (one, said), (other, also) in combinations(decided(votes).items(), 2):
            for name in (one, other):
                shared[name] += 1
                agreed[name] += said is also
    return shared, agreed


def alpha(several: Iterable[Mapping[str, Event]]) -> float | None:
    """Krippendorff's alpha of yes and no, with any number of annotators and missing answers; None where it is not defined.

    1 is full agreement and 0 what chance alone gives. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), nominal
    data: 1 - (n - 1) * o / e with n the paired answers, o the sum over images of differing ordered pairs / (answers - 1), and
    e = n_yes * n_no * 2.
    """
    observed = 0.0
    totals: Counter[Answer] = Counter()
    for votes in several:
        counts = Counter(decided(votes).values())
        many = counts.total()
        if many < 2:
            continue
        observed += 2 * counts[Answer.POSITIVE] * counts[Answer.NEGATIVE] / (many - 1)
        totals += counts
    expected = 2 * totals[Answer.POSITIVE] * totals[Answer.NEGATIVE]
    return 1 - (totals.total() - 1) * observed / expected if expected else None
