"""``hybrid``: exploit to find, sample at the boundary to train, and look where nobody has looked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.likeness import likeliest
from services.sampler.strategies.pool import Clusters, Items, Picks, Pool, picked
from services.sampler.strategies.ranking import smallest
from services.sampler.strategies.typiclust import typical_of_clusters

EXPLOIT, BOUNDARY, EXPLORE = "exploit", "boundary", "explore"
# One positive among eight is far more than any cluster that nobody has visited promises, where the class is rare.
_SURE = 8.0
# Share of positives among the other labels in the clusters of known ones, from which on a class has clouds of its own; where it
# has none, a cluster promises little more than the whole pool does.
_COMPACT = 0.3


def hybrid(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """A share of the likeliest positives, a share nearest to the threshold, and one typical image of clusters never visited.

    The likeliest positives are those by the head and by their nearest labels together: of the 1,000 with the highest scores,
    those with the highest logit + ``likeness`` * n^2 / (n^2 + 100) * z, where n is the number of known positives and z the mean
    cosine to the three nearest of them less that to the three nearest negatives, brought to a mean of 0 and a deviation of 1.
    Everything else goes by the head alone.

    The surer the head expects its best images to be positive, the less is explored: with m the mean score of the ``count``
    best, exploration gets max(0, 1 - f m) of its share. So a class of one mode is found nearly as fast as by ``positive``, and
    a mode that is used up gives way to the search for the next one. Who finds a new mode of a compact class finds many
    images, and f is 8; of a diffuse class he finds one, and f is larger: with k the share of positives among the other labels in
    the clusters of known ones, f = 8 * 0.3 / k, at least 8, and nothing is explored where k is 0 while a positive is known. The
    boundary always has its share: without it a head that has seen little but positives takes half the pool for them.

    Exploiting alone stays in the modes that it knows; random exploration finds nothing of a rare class; typical images of
    unvisited clusters do, those with the highest mean score first (measured in ``docs/benchmarks.md``). The three come in
    turns, so that whoever labels only the beginning of the batch labels the same mixture. Before there is a head, all
    picks explore. After Agile Modeling (arXiv 2302.12948) and, for the exploration, TypiClust (arXiv 2202.02794).

    Args:
        pool: with scores (float32 [rows], may all be not-a-number), vectors (float32 [rows, dim]) and clusters (int32 [rows]).
            Parameter ``boundary`` (0.3): its share of the picks; ``explore`` (0.4): its share where nothing likely is left. The
            rest exploits, and so do places that find no cluster; ``likeness`` (1): its weight there.
        count: how many.
        rng: the only source of chance.
    """
    items = pool.items
    if not np.isfinite(pool.scores[items]).all():
        return picked(typical_of_clusters(pool, count, rng), EXPLORE)
    scores = pool.scores[items].astype(np.float64)
    doubt = _doubt(pool, float(-np.partition(-scores, count - 1)[:count].mean()))
    explore = _explored(pool, round(count * doubt * pool.parameters["explore"]), rng)
    boundary = min(round(count * pool.parameters["boundary"]), count - len(explore))
    free = pool.mask.copy()
    free[explore] = False
    best = likeliest(pool, items[free[items]], count - len(explore) - boundary, pool.parameters["likeness"], rng)
    free[best] = False
    unsure = _take(items, np.abs(scores - pool.threshold), free, boundary, rng)
    return _in_turns({EXPLOIT: best, BOUNDARY: unsure, EXPLORE: explore})


def _doubt(pool: Pool, best: float) -> float:
    """The part of its share that exploration gets, where the best images have this mean score."""
    if _SURE * best >= 1 or pool.clusters is None or not pool.positive.any():  # then nobody needs the clusters
        return max(0.0, 1.0 - _SURE * best)
    compact = min(_COMPACT, _compactness(pool, pool.clusters()))
    return max(0.0, 1.0 - _SURE * best * _COMPACT / compact) if compact > 0 else 0.0


def _compactness(pool: Pool, clusters: Clusters) -> float:
    """The mean share of positives among the other labels in the cluster of each known positive; 0 where there are none."""
    there = clusters[pool.labelled] >= 0
    of_label, positive = clusters[pool.labelled[there]], pool.positive[there]
    if not positive.any():
        return 0.0
    others = np.bincount(of_label) - 1
    positives = np.bincount(of_label, positive) - 1
    at = of_label[positive]
    return float((positives[at] / np.maximum(others[at], 1)).mean())


def _take(
    items: Items, cost: NDArray[np.float64], free: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> Items:
    some = np.flatnonzero(free[items])
    return items[some[smallest(cost[some], count, rng)]]


def _explored(pool: Pool, count: int, rng: np.random.Generator) -> Items:
    """The most typical image of up to ``count`` clusters without a label: of those that the head likes best on the average."""
    if count == 0 or pool.clusters is None:
        return np.empty(0, dtype=np.int64)
    clusters, items = pool.clusters(), pool.items
    members = np.bincount(clusters[items])
    mean = np.bincount(clusters[items], pool.scores[items]) / np.maximum(members, 1)
    unvisited = np.setdiff1d(np.flatnonzero(members), clusters[pool.labelled])
    chosen = unvisited[smallest(-mean[unvisited], count, rng)]
    return typical_of_clusters(pool, len(chosen), rng, chosen.astype(np.int32))


def _in_turns(groups: dict[str, Items]) -> Picks:
    """All groups mixed so that each is spread evenly over the whole."""
    places = np.concatenate([(np.arange(len(items)) + 0.5) / max(1, len(items)) for items in groups.values()])
    order = np.argsort(places, kind="stable")
    items = np.concatenate(list(groups.values()))
    reasons = [reason for reason, items_of in groups.items() for _ in items_of]
    return Picks(items[order], tuple(reasons[place] for place in order))
