"""``uncertainty``: the images that the head is least sure of (Lewis and Gale 1994)."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.ranking import smallest


def uncertainty(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """The items with the smallest abs(p - threshold).

    For two classes margin, entropy and least confidence rank exactly so (Lewis and Gale, SIGIR 1994). The threshold is where the
    curated set begins, by calibrated probabilities; with the original's heads, whose are not calibrated, it is 0.5.

    Args:
        pool: with scores (float32 [rows]) and the threshold.
        count: how many.
        rng: puts equal distances in order.
    """
    items = pool.items
    distance = np.abs(pool.scores[items].astype(np.float64) - pool.threshold)
    return picked(items[smallest(distance, count, rng)], "uncertainty")
