"""``gaussian``: drawn by lot, likelier the nearer to 0.5."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores
from services.sampler.strategies.ranking import smallest

MEAN = 0.5
DEVIATION = 0.2


def gaussian(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """``count`` items drawn one after the other without replacement, with weight N(p; 0.5, 0.2^2).

    An item whose clock is exponential with rate w rings first with probability w / sum(w), and so on with those that are
    left: the earliest ``count`` clocks are such a draw (Efraimidis and Spirakis 2006), without any loop.

    Args:
        scores: float32 [rows], the probability of yes.
        pool: bool [rows], what may be picked; its scores are finite.
        count: how many, at most the size of the pool.
        rng: draws.

    Returns:
        items int64 [count], all different, in the order of the draw.
    """
    items = np.flatnonzero(pool)
    weights = np.exp(-0.5 * ((scores[items].astype(np.float64) - MEAN) / DEVIATION) ** 2)
    return items[smallest(rng.exponential(size=len(items)) / weights, count, rng)]
