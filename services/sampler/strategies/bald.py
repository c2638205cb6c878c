"""``bald``: what the members of a committee disagree about (Houlsby et al. 2011; Thompson sampling, Thompson 1933)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.ranking import smallest


def bald(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """The items with the largest mutual information between answer and head, H(mean p) - mean H(p) (arXiv 1112.5745).

    Args:
        pool: with scores (float32 [rows]) and a committee (float32 [members, rows]). Parameter ``thompson`` (0): 1 lets each pick
            be the likeliest positive of one member drawn by lot, which finds more and learns less.
        count: how many.
        rng: draws members, and puts equal items in order.
    """
    assert pool.committee is not None
    items = pool.items
    chances = np.asarray(pool.committee[:, items], dtype=np.float64)
    if pool.parameters["thompson"]:
        return picked(items[_thompson(chances, count, rng)], "thompson")
    information = entropy(chances.mean(axis=0)) - entropy(chances).mean(axis=0)
    return picked(items[smallest(-information, count, rng)], "bald")


def entropy(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a coin that shows yes with these chances, in bits; 0 for sure ones."""
    inside = np.clip(chances, 1e-12, 1 - 1e-12)
    return -(inside * np.log2(inside) + (1 - inside) * np.log2(1 - inside))


def _thompson(chances: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    members = rng.integers(len(chances), size=count)
    taken: dict[int, None] = {}
    rankings = {member: iter(smallest(-chances[member], count, rng).tolist()) for member in np.unique(members).tolist()}
    for member in members.tolist():  # at most ``count`` are taken already, so its ranking has one that is not
        place = next(place for place in rankings[member] if place not in taken)
        taken[place] = None
    return np.array(list(taken), dtype=np.int64)
