"""Neighbours of items and of vectors in one open generation."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Generation
from protos.errors import InvalidInputError, NotFoundError
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore
from services.index.annoy_file import Trees
from services.index.exact import Floats, Neighbours, nearest

MOST_RESULTS = 1_000_000  # items in one answer; what surely fits one message
_MOST_NODES = 2**31 - 1


class OpenGeneration:
    """A generation whose files are verified and mapped. Threads may share it.

    Args:
        store: where its files lie.
        generation: as its record says.
    """

    def __init__(self, store: ArtifactStore, generation: Generation) -> None:
        self.generation = generation
        self._store = store
        self._vectors = map_array(store.open(generation.vectors), np.float32, 2)
        self._present = np.array(map_array(store.open(generation.present), np.bool_, 1))
        self._count = int(self._present.sum())
        self._trees: Trees | None = None
        self._opening = threading.Lock()

    def of_items(self, items: NDArray[np.uint64], k: int, search_k: int = 0, exact: bool = False) -> list[Neighbours]:
        """Neighbours of each of ``items`` [n]; an item is its own first one.

        Raises:
            NotFoundError: for an item that does not exist.
            InvalidInputError: for one without an embedding, and as ``of_vectors``.
        """
        for item in items.tolist():
            if item >= len(self._present):
                raise NotFoundError(f"there is no item {item} among these {len(self._present)}, counted from 0")
            if not self._present[item]:
                raise InvalidInputError(f"item {item} has no embedding, as its image could not be read; take another")
        found = self.of_vectors(self._vectors[items.astype(np.int64)], k, search_k, exact)
        return [_itself_first(item, *pair) for item, pair in zip(items.tolist(), found, strict=True)]

    def of_vectors(self, queries: Floats, k: int, search_k: int = 0, exact: bool = False) -> list[Neighbours]:
        """The ``k`` nearest items of each of ``queries`` [n, dim]; all there are, where there are fewer.

        Args:
            queries: float32.
            k: how many.
            search_k: nodes that Annoy looks at, 0: the larger of 10,000 and 100 k.
            exact: compare with every vector instead.

        Raises:
            InvalidInputError: for numbers that cannot be searched with.
        """
        self._check(queries, k, search_k)
        k = min(k, self._count)
        if len(queries) * k > MOST_RESULTS:
            raise InvalidInputError(
                f"{k} neighbours of {len(queries)} images are more than {MOST_RESULTS} at once; ask for fewer"
            )
        if exact:
            return nearest(self._vectors, self._present, queries, k, self.generation.metric)
        nodes = min(search_k or max(10_000, 100 * k), _MOST_NODES)
        trees = self._open_trees()
        found = [trees.neighbours(query, k, nodes) for query in queries.tolist()]
        return self._complete(found, queries, k)

    def _complete(self, found: list[Neighbours], queries: Floats, k: int) -> list[Neighbours]:
        """A small ``search_k`` finds too few; these queries are answered exactly."""
        short = [at for at, (items, _) in enumerate(found) if len(items) < k]
        if short:
            metric = self.generation.metric
            for at, answer in zip(short, nearest(self._vectors, self._present, queries[short], k, metric), strict=True):
                found[at] = answer
        return found

    def _check(self, queries: Floats, k: int, search_k: int) -> None:
        if queries.shape[1] != self.generation.dim:
            raise InvalidInputError(
                f"vectors of {queries.shape[1]} numbers cannot be compared with this generation's of"
                f" {self.generation.dim}; embed them with the same encoder"
            )
        finite = np.isfinite(queries).all(axis=1)
        if not finite.all():
            raise InvalidInputError(f"vector {int(np.argmin(finite))} of the query holds numbers that are not finite")
        if k < 1:
            raise InvalidInputError(f"{k} neighbours cannot be found; ask for at least one")
        if search_k < 0:
            raise InvalidInputError(f"search_k is {search_k}; give a positive number, or 0 for the default")

    def _open_trees(self) -> Trees:
        with self._opening:
            if self._trees is None:
                path = self._store.open(self.generation.index)
                self._trees = Trees(path, self.generation.dim, self.generation.metric)
            return self._trees


def _itself_first(item: int, items: list[int], distances: list[float]) -> Neighbours:
    """Images that are equal, or nearly, may have come before it."""
    at = items.index(item) if item in items else len(items) - 1
    return [item, *items[:at], *items[at + 1 :]], [0.0, *distances[:at], *distances[at + 1 :]]
