"""The whole data set with what was said about it: arrays by item, for a page that looks through all of it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.labeler.annotators import SETTLED, Tally, agreements, alpha, differ
from services.labeler.desk import MOST_EVENTS, Desk
from services.labeler.model import Answer, Event

CODES = {Answer.POSITIVE: 1, Answer.NEGATIVE: 2, Answer.UNSURE: 3}  # 0: no answer
WORDS = {"none": 0, "positive": 1, "negative": 2, "unsure": 3}


@dataclass(frozen=True)
class Filter:
    """Which images, and in which order; None: whatever.

    Attributes:
        label: a word of `WORDS`.
        low, high: bounds of the probability; images without one are left out where either is given.
        round, annotator: of the newest answer.
        disagreement: only images about which two people say different things.
        flagged: only images that somebody has flagged or noted something on.
        sort: "item", "highest", "lowest" or "unsure" (closest to 0.5 first); images without a probability come last.
    """

    label: str | None = None
    low: float | None = None
    high: float | None = None
    round: int | None = None
    annotator: str | None = None
    disagreement: bool = False
    flagged: bool = False
    sort: str = "item"


class Marks:
    """What was said about each image of a run, kept in step with the log; the newest answer counts.

    Attributes:
        label: uint8 [rows], see `CODES`.
        round: int64 [rows], -1 where there is no answer.
    """

    def __init__(self, rows: int) -> None:
        self.label = np.zeros(rows, dtype=np.uint8)
        self.round = np.full(rows, -1, dtype=np.int64)
        self.position = 0
        self._votes: dict[int, dict[str, Event]] = {}
        self._several: set[int] = set()  # images with votes of several people
        self._settled: dict[
            int, Event
        ] = {}  # by somebody who saw the votes; no vote, and it holds until the next answer
        self._tallies: dict[str, Tally] = {}

    def add(self, event: Event) -> None:
        """Takes in the next event of the log."""
        self.position = event.position
        settled = self._settled.get(event.item)
        undone = event.answer is Answer.RETRACTED
        if not undone or (settled is not None and settled.annotator == event.annotator):
            self._settled.pop(event.item, None)
        if event.reason == SETTLED and not undone:
            self._settled[event.item] = event
        elif not (undone and settled is not None and settled.annotator == event.annotator):
            self._vote(event)
        standing = self._settled.get(event.item) or next(reversed(self._votes.get(event.item, {}).values()), None)
        self.label[event.item] = CODES[standing.answer] if standing else 0
        self.round[event.item] = standing.round if standing else -1

    def _vote(self, event: Event) -> None:
        votes = self._votes.setdefault(event.item, {})
        tally = self._tallies.setdefault(event.annotator, Tally(Counter()))
        before = votes.pop(event.annotator, None)  # the newest vote comes last
        if before is not None:
            tally.answers[before.answer] -= 1
        if event.answer is not Answer.RETRACTED:
            votes[event.annotator] = event
            tally.answers[event.answer] += 1
        tally.add(event)
        (self._several.add if len(votes) > 1 else self._several.discard)(event.item)
        if not votes:
            del self._votes[event.item]

    def by(self, annotator: str) -> NDArray[np.int64]:
        """Images with an answer of somebody's that stands [n]."""
        return np.array([item for item, votes in self._votes.items() if annotator in votes], dtype=np.int64)

    def disputed(self) -> NDArray[np.int64]:
        """Images about which two people say different things, and that nobody has settled since [n], the newest dispute first."""
        open_ones = (item for item in self._several if item not in self._settled and differ(self._votes[item]))
        found = [(self._newest(item).position, item) for item in open_ones]
        return np.array([item for _, item in sorted(found, reverse=True)], dtype=np.int64)

    def votes(self, item: int) -> list[Event]:
        """The answers about an image that stand, one of each person, oldest first."""
        return list(self._votes.get(item, {}).values())

    def annotators(self) -> list[dict[str, Any]]:
        """Each person's work by name: answers that stand and of which kind, undone, per_minute, shared, agreed."""
        shared, agreed = agreements(self._votes[item] for item in self._several)
        return [
            {
                "name": name,
                "answers": tally.answers.total(),
                "positive": tally.answers[Answer.POSITIVE],
                "unsure": tally.answers[Answer.UNSURE],
                "undone": tally.undone,
                "per_minute": tally.per_minute,
                "shared": shared[name],
                "agreed": agreed[name],
            }
            for name, tally in sorted(self._tallies.items())
        ]

    def alpha(self) -> float | None:
        """Krippendorff's alpha of all images with several votes."""
        return alpha(self._votes[item] for item in self._several)

    def _newest(self, item: int) -> Event:
        return next(reversed(self._votes[item].values()))


@dataclass(frozen=True)
class People:
    """Annotators, and a page of the images that they differ about.

    Attributes:
        annotators: see `Marks.annotators`.
        alpha: Krippendorff's; None where it is not defined.
        disputed: images that they differ about, all of them.
        shown: image -> votes of the page's images.
    """

    annotators: list[dict[str, Any]]
    alpha: float | None
    disputed: int
    shown: dict[int, list[Event]]


@dataclass
class Browsing:
    """Marks of all runs, read as far as the log goes whenever they are asked for."""

    desk: Desk
    _marks: dict[str, Marks] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def marks(self, run: str) -> Marks:
        """The marks of a run as they are now.

        Raises:
            NotFoundError: when there is no such run.
        """
        rows = self.desk.catalog(run).rows
        with self._lock:
            marks = self._marks.get(run)
            if marks is None or len(marks.label) != rows:
                marks = self._marks[run] = Marks(rows)
            while True:
                events, last = self.desk.events(run, marks.position, MOST_EVENTS)
                for event in events:
                    marks.add(event)
                if not events or marks.position >= last:
                    return marks

    def annotators(self, run: str) -> list[dict[str, Any]]:
        """Each person's work, see `Marks.annotators`."""
        marks = self.marks(run)
        with self._lock:
            return marks.annotators()

    def people(self, run: str, first: int, count: int) -> People:
        """Annotators, how far they agree, and a page of the images about which they do not."""
        marks = self.marks(run)
        with self._lock:
            disputed = marks.disputed()
            shown = {int(item): marks.votes(int(item)) for item in disputed[first : first + count]}
            return People(marks.annotators(), marks.alpha(), len(disputed), shown)

    def items(self, run: str, wanted: Filter, scores: NDArray[np.float32] | None) -> NDArray[np.uint32]:
        """The images that fit, in order [n] uint32.

        Args:
            scores: probabilities [rows]; None where there are none.

        Raises:
            InvalidInputError: when probabilities are asked for and there are none, or a word is not known.
        """
        marks = self.marks(run)
        by_scores = wanted.low is not None or wanted.high is not None or wanted.sort != "item"
        if by_scores and scores is None:
            raise InvalidInputError("there are no probabilities to go by; ask again while the loop is at work")
        if by_scores and scores is not None and bool(np.isnan(scores).all()):
            raise InvalidInputError("there is no model yet, so no image is likelier than another; train the head first")
        with self._lock:
            mask = _mask(marks, wanted, scores)
        if wanted.flagged:
            remarked = {remark.item for remark in self.desk.remarks(run)}
            mask &= _among(len(mask), np.array(sorted(remarked), dtype=np.int64))
        found = np.flatnonzero(mask)
        return _sorted(found, wanted.sort, scores).astype(np.uint32)


def _mask(marks: Marks, wanted: Filter, scores: NDArray[np.float32] | None) -> NDArray[np.bool_]:
    mask = np.ones(len(marks.label), dtype=np.bool_)
    if wanted.label is not None:
        mask &= marks.label == WORDS[wanted.label]
    if wanted.round is not None:
        mask &= marks.round == wanted.round
    if wanted.annotator is not None:
        mask &= _among(len(mask), marks.by(wanted.annotator))
    if wanted.disagreement:
        mask &= _among(len(mask), marks.disputed())
    if scores is not None and wanted.low is not None:
        mask &= scores >= wanted.low
    if scores is not None and wanted.high is not None:
        mask &= scores <= wanted.high
    return mask


def _among(rows: int, items: NDArray[np.int64]) -> NDArray[np.bool_]:
    mask = np.zeros(rows, dtype=np.bool_)
    mask[items] = True
    return mask


def _sorted(found: NDArray[np.int64], how: str, scores: NDArray[np.float32] | None) -> NDArray[np.int64]:
    if how == "item" or scores is None:
        return found
    score = scores[found]
    keys = {"highest": -score, "lowest": score, "unsure": np.abs(score - 0.5)}
    if how not in keys:
        raise InvalidInputError(f"there is no order {how[:40]!r}; take item, {', '.join(keys)}")
    return found[np.argsort(keys[how], kind="stable")]  # not-a-number sorts last
