"""``random``: every image of the pool is as likely as any other."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores


def uniform(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """``count`` items, drawn without replacement; ``scores`` are not looked at."""
    return rng.choice(np.flatnonzero(pool), count, replace=False).astype(np.int64)
