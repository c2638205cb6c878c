"""The smallest of many values in linear time, ties by lot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smallest(values: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions int64 [min(count, n)] of the smallest of ``values`` [n], ascending; equal values in random order."""
    count = min(count, len(values))
    if count == 0:
        return np.empty(0, dtype=np.int64)
    limit = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < limit)
    equal = rng.choice(np.flatnonzero(values == limit), count - len(below), replace=False)
    order = np.lexsort((rng.random(len(below)), values[below]))
    return np.concatenate((below[order], equal)).astype(np.int64)
