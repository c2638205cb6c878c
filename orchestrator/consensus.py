"""One answer for each image from the votes of several people.

An annotator's newest answer to an image is a vote; all votes are kept. Below three votes that say yes or no the majority counts,
and two that differ leave the image open: it is not trained on, as if both had been unsure. From three on, the votes are
weighed by how reliable their givers have been (Dawid and Skene 1979).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Answer

Votes = Mapping[str, Answer]  # annotator -> newest answer
ENOUGH = 3  # votes of yes or no on one image, for weighing
_STEPS, _SETTLED = 100, 1e-6
_TRUST = (4.0, 1.0)  # right and wrong votes that everybody is thought to have given before the first


def resolve(votes: Mapping[int, Votes]) -> dict[int, Answer]:
    """Item -> what its votes come to, in the order of ``votes``; unsure where they leave it open."""
    weighed = weigh(votes) if any(_decided(of_item) >= ENOUGH for of_item in votes.values()) else {}
    return {item: _answer(of_item, weighed.get(item)) for item, of_item in votes.items()}


def _answer(votes: Votes, weighed: float | None) -> Answer:
    said = {answer for answer in votes.values() if answer != Answer.UNSURE}
    if len(said) == 1 and _decided(votes) < ENOUGH:
        return said.pop()
    if weighed is not None and _decided(votes) >= ENOUGH:
        return Answer.POSITIVE if weighed >= 0.5 else Answer.NEGATIVE
    return Answer.UNSURE


def _decided(votes: Votes) -> int:
    return sum(answer != Answer.UNSURE for answer in votes.values())


def weigh(votes: Mapping[int, Votes]) -> dict[int, float]:
    """The probability of yes for each item with a yes or a no, by Dawid and Skene's expectation maximisation.

    Each annotator has a chance of saying yes to a positive and one of saying no to a negative; these, the share of positives
    and the probabilities are estimated in turns, beginning with each item's share of yes. Nobody is trusted blindly or not at
    all: everybody begins with four right votes and a wrong one of each kind.
    """
    people = {
        name: place for place, name in enumerate(sorted({name for of_item in votes.values() for name in of_item}))
    }
    items = [item for item, of_item in votes.items() if _decided(of_item)]
    rows = {item: row for row, item in enumerate(items)}
    cast = [
        (rows[item], people[name], answer == Answer.POSITIVE)
        for item in items
        for name, answer in votes[item].items()
        if answer != Answer.UNSURE
    ]
    if not cast:
        return {}
    table = np.array(cast, dtype=np.int64)
    chances = _expectation_maximisation(table[:, 0], table[:, 1], table[:, 2].astype(np.bool_), len(items), len(people))
    return dict(zip(items, chances.tolist(), strict=True))


def _expectation_maximisation(
    item: NDArray[np.int64], person: NDArray[np.int64], yes: NDArray[np.bool_], items: int, people: int
) -> NDArray[np.float64]:
    """Probabilities [items] from votes [n]: the item, the person and the answer of each."""
    chance: NDArray[np.float64] = np.bincount(item, yes, items) / np.bincount(item, minlength=items)
    for _ in range(_STEPS):
        of_vote = chance[item]
        yes_to_positive = _share(person, people, of_vote, yes)
        no_to_negative = _share(person, people, 1 - of_vote, ~yes)
        share = np.clip(chance.mean(), 1e-6, 1 - 1e-6)
        evidence = np.where(
            yes,
            np.log(yes_to_positive[person] / (1 - no_to_negative[person])),
            np.log((1 - yes_to_positive[person]) / no_to_negative[person]),
        )
        logit = np.log(share / (1 - share)) + np.bincount(item, evidence, items)
        before, chance = chance, 1 / (1 + np.exp(-np.clip(logit, -500, 500)))
        if np.abs(chance - before).max() < _SETTLED:
            break
    return chance


def _share(
    person: NDArray[np.int64], people: int, weight: NDArray[np.float64], right: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Each person's smoothed share of right votes [people] among votes [n] of these weights."""
    good, bad = _TRUST
    shares: NDArray[np.float64] = (np.bincount(person, weight * right, people) + good) / (
        np.bincount(person, weight, people) + good + bad
    )
    return shares
