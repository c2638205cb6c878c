"""The whole data set with what was said about it: arrays by item, for a page that looks through all of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
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

    def add(self, event: Event) -> None:
        """Takes in the next event of the log."""
        self.position = event.position
        votes = self._votes.setdefault(event.item, {})
        votes.pop(event.annotator, None)  # the newest vote comes last
        if event.answer is not Answer.RETRACTED:
            votes[event.annotator] = event
        newest = next(reversed(votes.values()), None)
        self.label[event.item] = CODES[newest.answer] if newest else 0
        self.round[event.item] = newest.round if newest else -1
        if not votes:
            del self._votes[event.item]

    def by(self, annotator: str) -> NDArray[np.int64]:
        """Images with an answer of somebody's that stands [n]."""
        return np.array([item for item, votes in self._votes.items() if annotator in votes], dtype=np.int64)

    def disputed(self) -> NDArray[np.int64]:
        """Images about which two people say different things [n]."""
        several = {item: {vote.answer for vote in votes.values()} for item, votes in self._votes.items()}
        return np.array([item for item, said in several.items() if len(said) > 1], dtype=np.int64)

    def annotators(self) -> dict[str, dict[str, int]]:
        """For each person: answers that stand, and of the images that others answered too, how many they agree on."""
        people: dict[str, dict[str, int]] = {}
        for votes in self._votes.values():
            for name, vote in votes.items():
                person = people.setdefault(name, {"answers": 0, "shared": 0, "agreed": 0})
                others = [other.answer for who, other in votes.items() if who != name]
                person["answers"] += 1
                person["shared"] += len(others)
                person["agreed"] += sum(answer is vote.answer for answer in others)
        return people


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

    def items(self, run: str, wanted: Filter, scores: NDArray[np.float32] | None) -> NDArray[np.uint32]:
        """The images that fit, in order [n] uint32.

        Args:
            scores: probabilities [rows]; None where there are none.

        Raises:
            InvalidInputError: when probabilities are asked for and there are none, or a word is not known.
        """
        marks = self.marks(run)
        if scores is None and (wanted.low is not None or wanted.high is not None or wanted.sort != "item"):
            raise InvalidInputError("there are no probabilities to go by; ask again while the loop is at work")
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
