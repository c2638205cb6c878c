"""``uncertainty``: the images that the head is least sure of (Lewis and Gale 1994)."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.ranking import smallest


def uncertainty(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """The items with the smallest abs(p - threshold).

    For two classes margin, entropy and least confidence rank exactly so.
    """
    items = pool.items
    distance = np.abs(pool.scores[items].astype(np.float64) - pool.threshold)
    return picked(items[smallest(distance, count, rng)], "uncertainty")
