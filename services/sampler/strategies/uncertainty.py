"""``uncertainty``: the images that the head is least sure of (Lewis and Gale 1994)."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies import Items, Pool, Scores
from services.sampler.strategies.ranking import smallest


def uncertainty(scores: Scores, pool: Pool, count: int, rng: np.random.Generator) -> Items:
    """The items with the smallest abs(p - 0.5)."""
    items = np.flatnonzero(pool)
    return items[smallest(np.abs(scores[items].astype(np.float64) - 0.5), count, rng)]
