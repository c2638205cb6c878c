"""Second opinions: which answered images are asked about once more, and why.

A wrong answer costs more than a swipe: the head learns from it. Asked again are images whose answer is probably a slip by what
heads that have not seen it say (Northcutt et al., Confident Learning, arXiv 1911.00068; `doubting.py`), and where several people
label also those that somebody was unsure about, and those that two people see differently. An overlap, drawn by lot, shows how
well people agree.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import Pick
from orchestrator.doubting import PATIENCE, doubts
from orchestrator.labels import OVERLAP, SECOND, SEED_FOLDER, Labels

_TRIES = 2  # for a third person to decide: where there is none, nobody shall see the image in each round
_WORTH = 0.5  # probability from which on a third person is asked in any case


def held_out(labels: Labels, out_of_fold: NDArray[np.float32]) -> dict[int, float]:
    """Item -> probability, from those that a head was trained with; ``out_of_fold`` float32 [n] in the order of training."""
    items, _ = labels.training()
    known = zip(items.tolist(), out_of_fold.tolist(), strict=True)
    return {item: probability for item, probability in known if not np.isnan(probability)}


def ask_again(
    labels: Labels,
    expected: Mapping[int, float],
    most: int,
    people: int,
    scores: NDArray[np.float32] | None = None,
    worth: float = _WORTH,
) -> list[Pick]:
    """Up to ``most`` cards for another opinion: each yes that is doubted, what a third can decide, and each no that is doubted.

    Args:
        labels: all that is known.
        expected: item -> out-of-fold probability.
        people: how many label; somebody alone is only asked again about answers that are doubted.
        scores: what the newest head gives each item, float32 [rows]; a third is asked where that is at least ``worth``, the
            likeliest first, and everywhere without.
        worth: as :func:`worth_a_third` says.
    """
    doubted = doubts(labels)
    once = [item for item in _answered_once(labels) if item in expected]
    chosen = _yes(labels, once, expected, doubted.yes_below)
    if people > 2:
        chosen += _tied(labels) if scores is None else _likeliest(_tied(labels), scores, worth)
    if people > 1:
        chosen += [item for item in _answered_once(labels) if labels.answers[item] == Answer.UNSURE]
    no = (item for item in once if labels.answers[item] == Answer.NEGATIVE and expected[item] > doubted.no_above)
    chosen += sorted(no, key=lambda item: (-expected[item], item))
    return [_card(item, SECOND, expected) for item in chosen[:most]]


def worth_a_third(scores: NDArray[np.float32], labels: Labels, count: int) -> float:
    """The probability from which on a third person shall decide between two: that of a new image's, or 0.5 where that is more.

    A yes and a no, given equally often by mistake, say nothing: the image is as one that nobody has seen. A swipe on it is worth
    as much as one on a new image with the same score, so it is compared with the mean of the ``count`` best of these.

    Args:
        scores: of the newest head, float32 [rows]; not-a-number for items that are not there.
        labels: their items are not new.
        count: how many new images a round asks about.
    """
    new = np.isfinite(scores)
    asked = labels.asked().astype(np.int64)
    new[asked[asked < len(scores)]] = False  # a log may speak of images that are added later on
    best = np.sort(scores[new])[-count:]
    return min(_WORTH, float(best.mean())) if len(best) else 0.0


def _likeliest(items: list[int], scores: NDArray[np.float32], least: float) -> list[int]:
    known = (item for item in items if item < len(scores) and scores[item] >= least)
    return sorted(known, key=lambda item: (-scores[item], item))


def _yes(labels: Labels, once: list[int], expected: Mapping[int, float], below: float) -> list[int]:
    found = (item for item in once if labels.answers[item] == Answer.POSITIVE and expected[item] < below)
    return sorted(found, key=lambda item: (expected[item], item))


def held_back(labels: Labels, number: int) -> tuple[list[int], float]:
    """Items with a new yes that somebody may be asked about again, and the probability from which on it is learned from.

    Args:
        labels: all that is known.
        number: of the round whose head shall not learn from what is below: an answer is held back for two rounds at most.
    """
    new = (item for item in _answered_once(labels) if labels.rounds[item] >= number - PATIENCE)
    return [item for item in new if labels.answers[item] == Answer.POSITIVE], doubts(labels).learned_from


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
