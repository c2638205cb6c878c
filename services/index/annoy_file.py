"""Annoy's files: built on disk, verified, opened. Nothing else here knows Annoy.

A damaged file kills the process that opens it, and one of another metric opens without a word: open nothing here whose
digest and parameters have not been checked.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from annoy import AnnoyIndex
from numpy.typing import NDArray

from protos.errors import ExhaustedError, InternalError
from services.index.parameters import BuildParameters

_CHUNK = 256
_SEEDS = 2**31 - 1  # Annoy takes a C int


def build_annoy(
    path: Path, parameters: BuildParameters, vectors: NDArray[np.float32], present: NDArray[np.bool_]
) -> None:
    """Builds an Annoy file of the rows of ``vectors`` [rows, dim] that are ``present`` [rows]; ids are row numbers.

    Raises:
        ExhaustedError: when the disk has no room for it.
        InternalError: when what was written does not answer as it should.
    """
    _check_room(path.parent, parameters)
    trees = _empty(parameters.dim, parameters.metric)
    trees.on_disk_build(str(path))
    trees.set_seed(parameters.seed % _SEEDS)
    for first in range(0, len(vectors), _CHUNK):
        rows = vectors[first : first + _CHUNK].tolist()  # a list is added eight times faster than a mapped row
        for offset in np.flatnonzero(present[first : first + _CHUNK]).tolist():
            trees.add_item(first + offset, rows[offset])
    trees.build(parameters.num_trees, n_jobs=parameters.n_jobs)
    trees.unload()
    verify(path, parameters, vectors, present)


class Trees:
    """An Annoy file whose digest and parameters have been checked, mapped into memory. Threads may share it."""

    def __init__(self, path: Path, dim: int, metric: str) -> None:
        self._annoy = _empty(dim, metric)
        self._annoy.load(str(path))

    def neighbours(self, query: list[float], k: int, search_k: int) -> tuple[list[int], list[float]]:
        """At most ``k`` items and their distances, nearest first, after a look at ``search_k`` nodes."""
        items, distances = self._annoy.get_nns_by_vector(query, k, search_k, include_distances=True)
        return items, distances


def _empty(dim: int, metric: str) -> AnnoyIndex:
    return AnnoyIndex(dim, "angular" if metric == "angular" else "euclidean")


def room_for(parameters: BuildParameters) -> int:
    """Bytes that surely suffice for the file while it grows."""
    trees = 16 * parameters.rows * parameters.num_trees
    return int(1.3 * (parameters.rows * (4 * parameters.dim + 16) + trees)) + (1 << 20)


def _check_room(folder: Path, parameters: BuildParameters) -> None:
    """A mapped file that cannot grow would kill the process."""
    needed, free = room_for(parameters), shutil.disk_usage(folder).free
    if free < needed:
        raise ExhaustedError(
            f"the index needs about {needed >> 20} MiB in {folder}, but {free >> 20} MiB are free; free some space"
            " or lower num_trees"
        )


def verify(path: Path, parameters: BuildParameters, vectors: NDArray[np.float32], present: NDArray[np.bool_]) -> None:
    """Raises InternalError unless the file has every item, the vectors that it was built from, and answers."""
    trees = _empty(parameters.dim, parameters.metric)
    trees.load(str(path))
    items = np.flatnonzero(present)
    if trees.get_n_items() != items[-1] + 1:
        raise InternalError(f"the new index {path} holds {trees.get_n_items()} items instead of {items[-1] + 1}")
    for item in {int(items[0]), int(items[len(items) // 2]), int(items[-1])}:
        if not np.array_equal(np.array(trees.get_item_vector(item), dtype=np.float32), vectors[item]):
            raise InternalError(f"the new index {path} holds another vector for item {item}")
        nearest = trees.get_nns_by_item(item, 1, 10_000)
        same = parameters.metric == "angular" or np.array_equal(vectors[nearest], vectors[[item]])
        if not nearest or not present[nearest[0]] or not same:
            raise InternalError(f"the new index {path} finds {nearest} nearest to item {item}")
    trees.unload()
