"""Clusters of the embeddings: where nobody has looked yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore, digest_of
from services.sampler.strategies.pool import Clusters, Mask, Vectors, unit

VERSION = 1  # of the algorithm; part of every name
MOST = 300  # clusters
MEAN = 200  # items in a cluster, on the average; but in small pools
AT_LEAST = 50  # clusters, of no fewer than
SMALLEST = 10  # items each
SAMPLE = 20_000
STEPS = 10
CHUNK = 8_192


def clusters_of(store: ArtifactStore, vectors: Artifact, present: Artifact) -> Clusters:
    """The cluster of each item int32 [rows], -1 where it has no embedding; made once for each generation.

    Raises:
        DamagedError: when an artifact is not what its reference says.
    """
    name = f"clusters/{digest_of('clusters', VERSION, vectors.sha256, present.sha256)}.npy"
    found = store.find(name)
    if found is None:
        rows = map_array(store.open(vectors), np.float32, 2)
        mask = map_array(store.open(present), np.bool_, 1)
        assigned = k_means(rows, mask)
        found, _ = store.once(name, lambda path: np.save(path.open("wb"), assigned, allow_pickle=False))
    clusters: Clusters = map_array(store.open(found), np.int32, 1)
    return clusters


def k_means(vectors: Vectors, present: Mask, most: int = MOST, seed: int = 0) -> Clusters:
    """Spherical k-means on the unit sphere (Dhillon and Modha, 2001), centres fitted to at most 20,000 of the items.

    Args:
        vectors: float32 [rows, dim].
        present: bool [rows], which rows count.
        most: clusters; see :func:`number_of_clusters`.
        seed: of the sample and of the first centres.

    Returns:
        the cluster of each item int32 [rows], -1 where it is not present.
    """
    rng = np.random.default_rng([seed, VERSION])
    items = np.flatnonzero(present)
    clusters = np.full(len(vectors), -1, dtype=np.int32)
    if not len(items):
        return clusters
    sample = np.sort(rng.choice(items, min(SAMPLE, len(items)), replace=False))
    rows = unit(np.asarray(vectors[sample]))
    centres = fit(rows, number_of_clusters(len(items), most), rng)
    for first in range(0, len(vectors), CHUNK):
        chunk = np.asarray(vectors[first : first + CHUNK])  # the nearest centre is the same for a row of any length
        clusters[first : first + CHUNK] = (chunk @ centres.T).argmax(axis=1)
    clusters[~np.asarray(present)] = -1
    return clusters


def number_of_clusters(items: int, most: int = MOST) -> int:
    """How many clusters so many items make: fine enough to tell modes apart, so coarse that a few rounds visit many."""
    return max(1, min(most, max(items // MEAN, min(AT_LEAST, items // SMALLEST))))


def fit(rows: Vectors, count: int, rng: np.random.Generator, steps: int = STEPS) -> Vectors:
    """``count`` centres [count, dim] of unit rows [n, dim]; fewer where rows repeat."""
    centres = rows[spread(rows, min(count, len(rows)), rng)]
    for _ in range(steps):
        nearest = (rows @ centres.T).argmax(axis=1)
        centres = _means(rows, nearest, centres)
    return centres


def spread(rows: Vectors, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows drawn one after the other with a chance of their squared distance to the nearest one drawn before (k-means++)."""
    chosen = [int(rng.integers(len(rows)))]
    far = _squared(rows, rows[chosen[0]])
    while len(chosen) < count and far.sum() > 0:
        chosen.append(
            int(np.searchsorted(np.cumsum(far), rng.random() * far.sum(), side="right").clip(0, len(rows) - 1))
        )
        far = np.minimum(far, _squared(rows, rows[chosen[-1]]))
    return np.array(chosen, dtype=np.int64)


def _squared(rows: Vectors, one: NDArray[np.float32]) -> NDArray[np.float64]:
    distances = np.maximum(0.0, 2.0 - 2.0 * (rows @ one).astype(np.float64))
    return np.where(distances < 1e-6, 0.0, distances)  # the same direction


def _means(rows: Vectors, nearest: NDArray[np.int64], centres: Vectors) -> Vectors:
    """The mean direction of each cluster; an empty one stays where it was."""
    order = np.argsort(nearest, kind="stable")
    starts = np.searchsorted(nearest[order], np.arange(len(centres)))
    counts = np.diff(np.append(starts, len(rows)))
    filled = np.flatnonzero(counts)
    means = centres.copy()
    means[filled] = np.add.reduceat(rows[order], starts[filled], axis=0)
    return unit(means)
