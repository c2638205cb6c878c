"""How well people agree with each other, and with themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from orchestrator.clients.labeler import Answer, LabelEvent
from orchestrator.labels import OVERLAP, SECOND, SETTLED, LabelLog
from orchestrator.shares import percent


@dataclass(frozen=True)
class Agreement:
    """Pairs of votes of two people on one image, and pairs of answers of one person who was asked again; how many agree."""

    pairs: int
    agreeing: int
    repeated: int
    same: int


def agreement(votes: Mapping[int, Mapping[str, Answer]], events: Iterable[LabelEvent]) -> Agreement:
    """Counts over all images; unsure is no vote.

    Args:
        votes: item -> annotator -> newest answer.
        events: the label log, oldest first.
    """
    pairs = [
        one == other
        for of_item in votes.values()
        for one, other in combinations([a for a in of_item.values() if a != Answer.UNSURE], 2)
    ]
    repeated = _repeated(events)
    return Agreement(len(pairs), sum(pairs), len(repeated), sum(repeated))


def _repeated(events: Iterable[LabelEvent]) -> list[bool]:
    """Whether each answer to a card that a person was shown again equals the person's answer before."""
    before: dict[tuple[int, str], Answer] = {}
    same: list[bool] = []
    for event in events:
        if event.reason == SETTLED:  # by somebody who saw what the others said
            continue
        key = event.item, event.annotator
        if event.answer == Answer.RETRACTED:
            before.pop(key, None)
            continue
        if event.answer == Answer.UNSURE:
            continue
        if event.reason in (SECOND, OVERLAP) and key in before:
            same.append(before[key] == event.answer)
        before[key] = event.answer
    return same


def agreement_in_words(log: LabelLog, position: int) -> dict[str, str]:
    """Name -> sentence, from the log up to a position; nothing where nobody was asked twice."""
    found = agreement(log.at(position).votes, log.events(position))
    words = {}
    if found.pairs:
        words["agreement"] = (
            f"{percent(found.agreeing / found.pairs, 1)} of {found.pairs} pairs of answers to one image agree"
        )
    if found.repeated:
        words["consistency"] = (
            f"{percent(found.same / found.repeated, 1)} of {found.repeated} images asked again got the same answer"
        )
    return words
