"""Folds: which labels are held out together, so that each is judged by a head that has not seen it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.artifacts import digest_of

FOLDS = 5
FEW = 20  # groups of a class that are dealt in turn


def folds_of(
    items: NDArray[np.uint64],
    positive: NDArray[np.bool_],
    most: int = FOLDS,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """The fold of each label, int64 [n], counted from 0; stratified by class, and twins in one fold.

    There are ``most`` folds, or as many as the rarer class has groups; an empty array says that there is no way to
    cross-validate, because a class has fewer than two, or would be in one fold. A fold follows from a digest of the item (of the
    first of its twins), so that an item stays in its fold as labels grow. The groups of a class with fewer than 20 are dealt
    instead, in the order of that digest, each to the fold that has the fewest: no fold may hold all of them.

    Args:
        items: uint64 [n].
        positive: bool [n].
        most: number of folds.
        groups: as :func:`services.trainer.twins.twins` gives them, int64 [n]; None: every label is alone.
    """
    alone = np.arange(len(items)) if groups is None else groups
    sides = [np.unique(alone[side]) for side in (positive, ~positive)]
    count = min(most, *(len(side) for side in sides))
    if count < 2:
        return np.empty(0, dtype=np.int64)
    firsts = np.unique(alone)
    digests = np.zeros(len(items), dtype=np.int64)
    digests[firsts] = [int(digest_of("fold", item)[:15], 16) for item in items[firsts].tolist()]
    fold = digests % count
    dealt: set[int] = set()
    for side in sides:
        if len(side) < FEW:
            _deal(side[np.argsort(digests[side], kind="stable")], fold, dealt, count)
    if any(len(np.unique(fold[side])) < 2 for side in sides):
        return np.empty(0, dtype=np.int64)
    of_label: NDArray[np.int64] = fold[alone]
    return of_label


def _deal(side: NDArray[np.int64], fold: NDArray[np.int64], dealt: set[int], count: int) -> None:
    """Sets the fold of each group of a class, but of those that the other class has ``dealt`` already: twins that differ."""
    held = np.bincount(fold[[group for group in side.tolist() if group in dealt]], minlength=count)
    for group in side.tolist():
        if group not in dealt:
            fold[group] = int(np.argmin(held))
            held[fold[group]] += 1
            dealt.add(group)
