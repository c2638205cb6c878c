"""``random``: every image of the pool is as likely as any other."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores


def uniform(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """``count`` items, drawn without replacement; ``scores`` are not looked at.

    Args:
        scores: float32 [rows], the probability of yes; may be not-a-number.
        pool: bool [rows], what may be picked.
        count: how many, at most the size of the pool.
        rng: draws.

    Returns:
        items int64 [count], all different, in the order of the draw.
    """
    return rng.choice(np.flatnonzero(pool), count, replace=False).astype(np.int64)
