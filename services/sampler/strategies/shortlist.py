"""A bounded part of a large pool: what compares images with each other cannot look at a million of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.pool import Items, Pool
from services.sampler.strategies.ranking import smallest


def drawn(pool: Pool, most: int, rng: np.random.Generator) -> Items:
    """Up to ``most`` items of the pool by lot, int64, ascending."""
    items = pool.items
    return items if len(items) <= most else np.sort(rng.choice(items, most, replace=False))


def best(pool: Pool, cost: NDArray[np.float64], most: int, rng: np.random.Generator) -> Items:
    """Up to ``most`` items of the pool with the smallest ``cost`` [size of the pool], int64, best first."""
    return pool.items[smallest(cost, most, rng)]
