"""Query strategies: pure functions of the pool.

Each takes a :class:`~services.sampler.strategies.pool.Pool` (the scores, what may be picked, and what else it asks for),
``count`` (at least so many may be picked) and a random generator, and returns ``count`` different items, best first, each
with its reason. Equal scores are drawn by lot: a folder sorted by class must not decide what is asked.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.sampler.strategies.pool import Items, Mask, Picks, Pool, Query, Scores, picked

__all__ = ["Items", "Mask", "Picks", "Pool", "Query", "ScoreQuery", "Scores", "by_scores", "picked"]

ScoreQuery = Callable[[Scores, Mask, int, np.random.Generator], Items]


def by_scores(query: ScoreQuery, reason: str) -> Query:
    """A strategy that looks at nothing but scores float32 [rows] and the pool bool [rows]."""

    def strategy(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
        return picked(query(pool.scores, pool.mask, count, rng), reason)

    strategy.__doc__ = query.__doc__
    return strategy
