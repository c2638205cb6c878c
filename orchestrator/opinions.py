"""Second opinions: which answered images are asked about once more, and why.

A wrong answer costs more than a swipe: the head learns from it. Asked again are images whose answer disagrees strongly with
what heads that have not seen it say (Northcutt et al., Confident Learning, arXiv 1911.00068). Where several people label, those
that somebody was unsure about, those near the threshold, and those that two people see differently are, too. An overlap, drawn
by lot, shows how well people agree.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import Pick
from orchestrator.labels import OVERLAP, SECOND, SEED_FOLDER, Labels

_STRONG = 0.9  # distance of an answer (1: yes, 0: no) from the out-of-fold probability
_NEAR = 0.1  # of the threshold
_TRIES = 2  # for a third person to decide: where there is none, nobody shall see the image in each round


def held_out(labels: Labels, out_of_fold: NDArray[np.float32]) -> dict[int, float]:
    """Item -> probability, from those that a head was trained with; ``out_of_fold`` float32 [n] in the order of training."""
    items, _ = labels.training()
    known = zip(items.tolist(), out_of_fold.tolist(), strict=True)
    return {item: probability for item, probability in known if not np.isnan(probability)}


def ask_again(labels: Labels, expected: Mapping[int, float], most: int, people: int) -> list[Pick]:
    """Up to ``most`` cards for another opinion: what a third can decide, then the strongest disagreement first.

    Args:
        labels: all that is known.
        expected: item -> out-of-fold probability.
        people: how many label; somebody alone is only asked again where the disagreement is strong.
    """
    once = _answered_once(labels)
    unsure = [item for item in once if labels.answers[item] == Answer.UNSURE]
    doubts = {
        item: abs((labels.answers[item] == Answer.POSITIVE) - expected[item])
        for item in set(once) - set(unsure)
        if item in expected
    }
    strong = sorted((item for item in doubts if doubts[item] >= _STRONG), key=lambda item: (-doubts[item], item))
    chosen = _tied(labels) + strong if people > 2 else strong
    if people > 1:
        chosen += unsure
        near = (item for item in doubts if abs(expected[item] - 0.5) < _NEAR)
        chosen += sorted(near, key=lambda item: (abs(expected[item] - 0.5), item))
    return [_card(item, SECOND, expected) for item in chosen[:most]]


def overlap(labels: Labels, expected: Mapping[int, float], taken: set[int], most: int, seed: int) -> list[Pick]:
    """Up to ``most`` images with one answer, drawn by lot from all but ``taken``, for somebody else to answer as well."""
    free = [item for item in _answered_once(labels) if item not in taken]
    drawn = np.random.default_rng(seed).permutation(len(free))[:most]
    return [_card(free[place], OVERLAP, expected) for place in drawn]


def count_people(labels: Labels) -> int:
    """How many annotators have answered; what came from a folder is nobody's."""
    return len({name for votes in labels.votes.values() for name in votes} - {SEED_FOLDER})


def _answered_once(labels: Labels) -> list[int]:
    """Items with the answer of one person, that nobody was asked about again, sorted."""
    return sorted(
        item
        for item, votes in labels.votes.items()
        if len(votes) == 1 and SEED_FOLDER not in votes and item not in labels.again and item not in labels.settled
    )


def _tied(labels: Labels) -> list[int]:
    """Items that two people see differently, sorted."""
    return sorted(
        item
        for item, votes in labels.votes.items()
        if len(votes) == 2
        and set(votes.values()) == {Answer.POSITIVE, Answer.NEGATIVE}
        and labels.again.get(item, 0) < _TRIES
        and item not in labels.settled
    )


def _card(item: int, reason: str, expected: Mapping[int, float]) -> Pick:
    return Pick(item=item, reason=reason, score=expected.get(item, float("nan")), second=True)
