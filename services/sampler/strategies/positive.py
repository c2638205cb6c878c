"""``positive``: the images that the head takes for the surest positives."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores
from services.sampler.strategies.ranking import smallest


def positive(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """The items with the largest p.

    Args:
        scores: float32 [rows], the probability of yes.
        pool: bool [rows], what may be picked; its scores are finite.
        count: how many, at most the size of the pool.
        rng: puts equal scores in order.

    Returns:
        items int64 [count], all different, the surest first.
    """
    items = np.flatnonzero(pool)
    return items[smallest(-scores[items].astype(np.float64), count, rng)]
