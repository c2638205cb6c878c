"""``positive``: the images that the head takes for the surest positives."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Scores
from services.sampler.strategies.ranking import smallest


def positive(scores: Scores, pool: Mask, count: int, rng: np.random.Generator) -> Items:
    """The items with the largest p."""
    items = np.flatnonzero(pool)
    return items[smallest(-scores[items].astype(np.float64), count, rng)]
