"""The whole data set with what was said about it: arrays by item, for a page that looks through all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.labeler.annotators import IMPORTED, SETTLED, Tally, agreements, alpha, differ
from services.labeler.desk import MOST_EVENTS, Desk
from services.labeler.filtering import Filter, among, fitting, ordered
from services.labeler.model import Answer, Event

CODES = {Answer.POSITIVE: 1, Answer.NEGATIVE: 2, Answer.UNSURE: 3}  # 0: no answer


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
        self._undone: dict[str, set[int]] = {}  # images whose answer an annotator has taken back once

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
        else:
            self._undone.setdefault(event.annotator, set()).add(event.item)
        tally.add(event)
        (self._several.add if len(votes) > 1 else self._several.discard)(event.item)
        if not votes:
            del self._votes[event.item]

    def own(self, annotator: str) -> dict[int, Event]:
        """Somebody's answers that stand, by image."""
        return {item: votes[annotator] for item, votes in self._votes.items() if annotator in votes}

    def has_answered(self, annotator: str, item: int) -> bool:
        """Whether somebody has ever given an answer about an image, taken back or not."""
        return annotator in self._votes.get(item, {}) or item in self._undone.get(annotator, ())

    def decided(self) -> dict[int, Answer]:
        """Images that nobody is asked about any more, as somebody has settled them or brought them along, and their answers."""
        brought = {item: votes[IMPORTED].answer for item, votes in self._votes.items() if IMPORTED in votes}
        return brought | {item: event.answer for item, event in self._settled.items()}

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

    @contextmanager
    def reading(self, run: str) -> Iterator[Marks]:
        """The marks of a run as they are now; nothing is added to them meanwhile."""
        marks = self.marks(run)
        with self._lock:
            yield marks

    def annotators(self, run: str) -> list[dict[str, Any]]:
        """Each person's work, see `Marks.annotators`."""
        with self.reading(run) as marks:
            return marks.annotators()

    def people(self, run: str, first: int, count: int) -> People:
        """Annotators, how far they agree, and a page of the images about which they do not."""
        with self.reading(run) as marks:
            disputed = marks.disputed()
            shown = {int(item): marks.votes(int(item)) for item in disputed[first : first + count]}
            return People(marks.annotators(), marks.alpha(), len(disputed), shown)

    def items(
        self, run: str, wanted: Filter, scores: NDArray[np.float32] | None, aside: Collection[int] = ()
    ) -> NDArray[np.uint32]:
        """The images that fit, in order [n] uint32.

        Args:
            scores: probabilities [rows]; None where there are none.
            aside: the images that were set aside; looked at where these are wanted.

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
            mask = fitting(marks, wanted, scores)
        if wanted.flagged:
            remarked = {remark.item for remark in self.desk.remarks(run)}
            mask &= among(len(mask), np.array(sorted(remarked), dtype=np.int64))
        if wanted.quarantined:
            mask &= among(len(mask), np.array([item for item in aside if item < len(mask)], dtype=np.int64))
        found = np.flatnonzero(mask)
        return ordered(found, wanted.sort, scores).astype(np.uint32)
