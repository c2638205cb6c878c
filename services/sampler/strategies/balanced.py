"""``uncertainty_balanced``: around the image closest to 0.5, as many from below as from above."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores
from services.sampler.strategies.ranking import smallest


def uncertainty_balanced(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """The item closest to 0.5, then its neighbours by rank, half from each side and in turns.

    An odd one comes from above. Where one side has too few, the other side fills up. Items that score exactly as the first
    one are further from 0.5 by rank, so that saturated scores (all 0 or 1) are still picked half and half; at exactly 0.5
    they stand on either side by lot.

    Args:
        scores: float32 [rows], the probability of yes.
        pool: bool [rows], what may be picked; its scores are finite.
        count: how many, at most the size of the pool.
        rng: puts equal scores in order.

    Returns:
        items int64 [count], all different, the most uncertain first.
    """
    items = np.flatnonzero(pool)
    values = scores[items].astype(np.float64)
    centre = smallest(np.abs(values - 0.5), 1, rng)[0]
    coin = rng.random(len(items)) if values[centre] == 0.5 else np.full(len(items), values[centre])
    is_above = (values > values[centre]) | ((values == values[centre]) & (coin > 0.5))
    others = np.arange(len(items)) != centre
    above, below = np.flatnonzero(is_above & others), np.flatnonzero(~is_above & others)
    from_below = min((count - 1) // 2, len(below))
    from_above = min(count - 1 - from_below, len(above))
    from_below = count - 1 - from_above
    up = above[smallest(values[above], from_above, rng)]
    down = below[smallest(-values[below], from_below, rng)]
    return items[np.concatenate(([centre], _in_turns(up, down)))]


def _in_turns(first: Items, second: Items) -> Items:
    ranks = np.concatenate((np.arange(len(first)), np.arange(len(second)) + 0.5))
    return np.concatenate((first, second))[np.argsort(ranks, kind="stable")]
