"""Folds: which labels are held out together, so that each is judged by a head that has not seen it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.artifacts import digest_of

FOLDS = 5
FEW = 20  # labels of a class that are dealt in turn


def folds_of(items: NDArray[np.uint64], positive: NDArray[np.bool_], most: int = FOLDS) -> NDArray[np.int64]:
    """The fold of each label, int64 [n], counted from 0; stratified by class.

    There are ``most`` folds, or as many as the rarer class has labels; an empty array says that there is no way to
    cross-validate, because a class has fewer than two. A fold follows from a digest of the item, so that an item stays in its
    fold as labels grow. The labels of a class with fewer than 20 are dealt in turn instead, in the order of that digest: no fold
    may hold all of them.

    Args:
        items: uint64 [n].
        positive: bool [n].
        most: number of folds.
    """
    count = min(most, int(positive.sum()), int((~positive).sum()))
    if count < 2:
        return np.empty(0, dtype=np.int64)
    digests = np.array([int(digest_of("fold", item)[:15], 16) for item in items.tolist()], dtype=np.int64)
    folds = digests % count
    for side in (positive, ~positive):
        rows = np.flatnonzero(side)
        if len(rows) < FEW:
            folds[rows[np.argsort(digests[rows], kind="stable")]] = np.arange(len(rows)) % count
    return folds
