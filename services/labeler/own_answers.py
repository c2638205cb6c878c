"""What an annotator may see of answers: her own, and examples that nobody is asked about any more.

A second opinion is worth something where it is one: whoever is asked about an image must not have seen what others said of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.labeler.browsing import CODES, Browsing
from services.labeler.model import Answer, Event

SHOWN = (Answer.POSITIVE, Answer.NEGATIVE)  # that examples are given of


@dataclass(frozen=True)
class OwnAnswers:
    """The view of one annotator on what was said in the runs; names have no passwords, so it is of whoever has this name."""

    browsing: Browsing
    annotator: str

    def items(self, run: str, label: str | None) -> NDArray[np.uint32]:
        """The images with an answer of hers, or with this one, the newest answer first [n]."""
        with self.browsing.reading(run) as marks:
            own = marks.own(self.annotator)
        found = [item for item, event in own.items() if label is None or event.answer.value == label]
        return np.array(sorted(found, key=lambda item: -own[item].position), dtype=np.uint32)

    def newest(self, run: str, before: int | None, most: int, answer: Answer | None = None) -> list[Event]:
        """Her answers that stand about images that were on offer, the newest first: what a page can take back.

        Args:
            before: position in the log; only older ones. None: all.
            most: of them.
            answer: only these; None: all.
        """
        with self.browsing.reading(run) as marks:
            own = [event for event in marks.own(self.annotator).values() if event.reason]  # without one: no card
        wanted = (event for event in own if answer is None or event.answer is answer)
        older = (event for event in wanted if before is None or event.position < before)
        return heapq.nlargest(most, older, key=lambda event: event.position)

    def labels(self, run: str) -> NDArray[np.uint8]:
        """Her answer about each image, see `browsing.CODES`; 0: none of hers."""
        with self.browsing.reading(run) as marks:
            own, rows = marks.own(self.annotator), len(marks.label)
        labels = np.zeros(rows, dtype=np.uint8)
        for item, event in own.items():
            labels[item] = CODES[event.answer]
        return labels

    def check(self, run: str, items: Iterable[int]) -> None:
        """Looks whether she has answered all of these images before: others come to her as cards, when it is her turn.

        Raises:
            InvalidInputError: when she has not.
        """
        with self.browsing.reading(run) as marks:
            foreign = [item for item in items if not marks.has_answered(self.annotator, item)]
        if foreign:
            raise InvalidInputError(
                f"{self.annotator} has not answered image {foreign[0]}: annotators answer what they are given, and may"
                " correct that; an admin may label any image"
            )

    def examples(self, run: str, most: int) -> dict[Answer, list[int]]:
        """Up to ``most`` images of each side: those that were decided for all, then her own."""
        with self.browsing.reading(run) as marks:
            decided = marks.decided()
            own = {item: event.answer for item, event in marks.own(self.annotator).items()}
        return chosen(decided, {item: answer for item, answer in own.items() if item not in decided}, most=most)


def examples_of_all(browsing: Browsing, run: str, most: int) -> dict[Answer, list[int]]:
    """The same for somebody who may see all answers: those that count."""
    with browsing.reading(run) as marks:
        decided, label = marks.decided(), marks.label.copy()
    rest = {
        int(item): answer
        for answer in SHOWN
        for item in np.flatnonzero(label == CODES[answer])
        if int(item) not in decided
    }
    return chosen(decided, rest, most=most)


def chosen(*answers: Mapping[int, Answer], most: int) -> dict[Answer, list[int]]:
    """Up to ``most`` images of each side, from the first mapping of images to answers before the next, in order."""
    ordered = [(item, said[item]) for said in answers for item in sorted(said)]
    return {side: [item for item, answer in ordered if answer is side][:most] for side in SHOWN}
