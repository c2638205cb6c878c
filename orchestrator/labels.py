"""The label log as the loop sees it: what the votes on each item come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Answer, LabelerClient, LabelEvent
from orchestrator.consensus import resolve

SECOND, OVERLAP = "second", "overlap"  # reasons of cards that were answered before
SETTLED = "settled"  # reason of an answer by somebody who saw those of the others: it counts, whatever they are
SEED_FOLDER = "seed folder"  # annotator of labels that no person gave here


@dataclass(frozen=True)
class Labels:
    """Answers up to a position of the log.

    Attributes:
        position: of the newest event counted.
        answers: item -> answer; an item whose answer was retracted is not in it.
        rounds: item -> the round that it was first answered in.
        votes: item -> annotator -> newest answer; what ``answers`` come from.
        again: item -> how often somebody was asked about it once more, and answered.
        settled: item -> answer that somebody gave who saw the votes; it is no vote, and holds until the next answer.
        reviewed: items with a yes or a no that somebody gave another opinion on, because there was doubt.
        disputed: those of them where that was a yes to an earlier no, or a no to an earlier yes.
    """

    position: int
    answers: dict[int, Answer]
    rounds: dict[int, int]
    votes: Mapping[int, Mapping[str, Answer]] = field(default_factory=dict)
    again: Mapping[int, int] = field(default_factory=dict)
    settled: Mapping[int, Answer] = field(default_factory=dict)
    reviewed: Set[int] = frozenset()
    disputed: Set[int] = frozenset()

    def training(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Items [n] uint64 with a yes or a no, sorted, and whether it was yes [n] bool."""
        items = sorted(item for item, answer in self.answers.items() if answer != Answer.UNSURE)
        positive = [self.answers[item] == Answer.POSITIVE for item in items]
        return np.array(items, dtype=np.uint64), np.array(positive, dtype=np.bool_)

    def in_order(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The same in the order in which they were first answered."""
        items = [item for item, answer in self.answers.items() if answer != Answer.UNSURE]
        positive = [self.answers[item] == Answer.POSITIVE for item in items]
        return np.array(items, dtype=np.uint64), np.array(positive, dtype=np.bool_)

    def asked(self) -> NDArray[np.uint64]:
        """Items [n] uint64 that have any answer, sorted; they are not asked about again."""
        return np.array(sorted(self.answers), dtype=np.uint64)

    def of(self, answer: Answer) -> list[int]:
        """Items with this answer, sorted."""
        return sorted(item for item, given in self.answers.items() if given == answer)

    def count(self, answer: Answer, number: int | None = None) -> int:
        """How many items have this answer, of all rounds or of one."""
        return sum(
            given == answer and (number is None or self.rounds[item] == number) for item, given in self.answers.items()
        )


@dataclass
class LabelLog:
    """Reads the log of a run, only what is new each time."""

    client: LabelerClient
    run: str
    _events: list[LabelEvent] = field(default_factory=list)
    _newest: Labels | None = None

    def newest(self) -> Labels:
        """All answers that there are now."""
        after = self._events[-1].position if self._events else 0
        self._events.extend(self.client.events(self.run, after))
        position = self._events[-1].position if self._events else 0
        if self._newest is None or self._newest.position != position:  # who waits asks every moment
            self._newest = self.at(position)
        return self._newest

    def at(self, position: int) -> Labels:
        """The answers as they were at a position: what a resumed run needs to repeat itself."""
        if position and (not self._events or self._events[-1].position < position):
            self.newest()
        votes: dict[int, dict[str, Answer]] = {}
        rounds: dict[int, int] = {}
        again: Counter[int] = Counter()
        settled: dict[int, LabelEvent] = {}
        reviewed: set[int] = set()
        disputed: set[int] = set()
        for event in self._events:
            if event.position > position:
                break
            decided = settled.get(event.item)
            if event.answer == Answer.RETRACTED and decided is not None and decided.annotator == event.annotator:
                del settled[event.item]  # the vote that this person gave before stays
            elif event.answer != Answer.RETRACTED and event.reason == SETTLED:
                settled[event.item] = event
                rounds.setdefault(event.item, event.round)
            elif event.answer != Answer.RETRACTED:
                settled.pop(event.item, None)
                before = votes.setdefault(event.item, {})
                if event.reason in (SECOND, OVERLAP):
                    again[event.item] += 1
                if event.reason == SECOND and {*before.values()} - {Answer.UNSURE}:
                    reviewed.add(event.item)
                    if {Answer.POSITIVE, Answer.NEGATIVE} <= {event.answer, *before.values()}:
                        disputed.add(event.item)
                before[event.annotator] = event.answer
                rounds.setdefault(event.item, event.round)
            elif event.item in votes:
                votes[event.item].pop(event.annotator, None)
                if not votes[event.item]:
                    del votes[event.item]
            if event.item not in votes and event.item not in settled:
                rounds.pop(event.item, None)
        answers = {item: event.answer for item, event in settled.items()}
        return Labels(position, resolve(votes) | answers, rounds, votes, again, answers, reviewed, disputed)

    def events(self, position: int) -> list[LabelEvent]:
        """The log up to a position, oldest first."""
        self.at(position)
        return [event for event in self._events if event.position <= position]
