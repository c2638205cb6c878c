"""``typiclust``: typical images of clusters that nobody has looked into (Hacohen, Dekel and Weinshall 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.pool import Items, Picks, Pool, picked

NEIGHBOURS = 20
MOST_MEMBERS = 2_000  # of one cluster that are compared with each other


def typiclust(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """The most typical item of each cluster without a label, the largest cluster first.

    Typicality is the inverse of the mean distance to the 20 nearest neighbours in the cluster (arXiv 2202.02794, eq. 4), by
    cosine; of clusters beyond 2,000 items a sample is compared. The clusters are those of the whole generation (up to 300),
    instead of new ones for each batch; when all are visited, or more items are wanted, the next most typical ones follow.

    Args:
        pool: with vectors (float32 [rows, dim]) and clusters (int32 [rows]).
        count: how many.
        rng: draws the samples.
    """
    return picked(typical_of_clusters(pool, count, rng), "typiclust")


def typical_of_clusters(
    pool: Pool, count: int, rng: np.random.Generator, clusters: NDArray[np.int32] | None = None
) -> Items:
    """``count`` items, one of each cluster in turns: the most typical one first.

    Args:
        pool: with clusters and vectors.
        count: how many.
        rng: draws samples of large clusters.
        clusters: which ones, in this order; not given: all, those without a label first, then by their size.
    """
    assert pool.clusters is not None
    of_item = pool.clusters()
    items = pool.items
    order = _by_need(of_item, items, pool.labelled) if clusters is None else clusters
    members = _members(of_item[items], items, order)
    each = -(-count // max(1, len(order)))
    while sum(min(each, len(of_one)) for of_one in members) < min(count, sum(map(len, members))):
        each += 1
    needed = members if each > 1 else members[:count]
    ranked = [_typical(pool, of_one, each, rng) for of_one in needed]
    turns = [of_one[turn] for turn in range(each) for of_one in ranked if turn < len(of_one)]
    return np.array(turns[:count], dtype=np.int64)


def _by_need(of_item: NDArray[np.int32], items: Items, labelled: Items) -> NDArray[np.int32]:
    found, sizes = np.unique(of_item[items], return_counts=True)
    visited = np.isin(found, of_item[labelled])
    order: NDArray[np.int32] = found[np.lexsort((found, -sizes, visited))]
    return order


def _members(of_item: NDArray[np.int32], items: Items, clusters: NDArray[np.int32]) -> list[Items]:
    order = np.argsort(of_item, kind="stable")
    ordered = of_item[order]
    starts, ends = np.searchsorted(ordered, clusters, "left"), np.searchsorted(ordered, clusters, "right")
    return [items[order[start:end]] for start, end in zip(starts, ends, strict=True)]


def _typical(pool: Pool, members: Items, count: int, rng: np.random.Generator) -> Items:
    if len(members) > MOST_MEMBERS:
        members = np.sort(rng.choice(members, MOST_MEMBERS, replace=False))
    if len(members) == 1:
        return members
    rows = pool.at(members)
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -np.inf)
    near = min(NEIGHBOURS, len(members) - 1)
    nearest = -np.partition(-likeness, near - 1, axis=1)[:, :near]
    typicality = -np.sqrt(np.maximum(0.0, 2.0 - 2.0 * nearest)).mean(axis=1)
    return members[np.argsort(-typicality, kind="stable")[:count]]
