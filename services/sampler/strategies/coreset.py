"""``coreset``: items far from all that is labelled (Sener and Savarese 2018)."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.shortlist import drawn

CANDIDATES = 10_000
CHUNK = 1_000


def coreset(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """k-center greedy (arXiv 1708.00489): again and again the item whose nearest labelled or picked one is the furthest.

    Distances are those of directions. Up to 10,000 items of the pool are looked at, by lot. Often no better than
    ``random`` for a rare class; it is here to compare with.

    Args:
        pool: with vectors (float32 [rows, dim]) and labelled items (int64 [n]).
        count: how many.
        rng: draws the candidates, and the first item where nothing is labelled.
    """
    items = drawn(pool, max(CANDIDATES, count), rng)
    rows = pool.at(items)
    nearest = np.full(len(items), -2.0, dtype=np.float32)  # cosine to the nearest one chosen or labelled
    for first in range(0, len(pool.labelled), CHUNK):
        known = pool.at(pool.labelled[first : first + CHUNK])
        nearest = np.maximum(nearest, (rows @ known.T).max(axis=1))
    if not len(pool.labelled):
        nearest[rng.integers(len(items))] = -3.0
    chosen: list[int] = []
    while len(chosen) < count:
        furthest = int(np.argmin(nearest))
        chosen.append(furthest)
        nearest = np.maximum(nearest, rows @ rows[furthest])
        nearest[chosen] = np.inf
    return picked(items[chosen], "coreset")
