"""The index's client."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import LONG_S, Caller
from orchestrator.clients.refs import ArtifactRef, GenerationRef
from orchestrator.settings import IndexSettings
from protos import common_pb2, index_pb2
from protos.wire import to_items, to_vectors

_MOST_RESULTS = 1_000_000  # neighbours in one answer, the limit of the service
_MOST_QUERIES = 10_000  # in one call: some seconds of work
_MOST_BYTES = 8 * 1024 * 1024  # of query vectors in one call, half of what a message may have


class IndexClient:
    """Vectors of all items side by side, and their neighbours."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def build(
        self, run: str, rows: int, dim: int, blocks: ArtifactRef, settings: IndexSettings, seed: int
    ) -> GenerationRef:
        """Joins blocks to a new generation of vectors and trees."""
        request = index_pb2.BuildRequest(
            run=run,
            rows=rows,
            dim=dim,
            blocks=blocks.to(common_pb2.Artifact),
            metric=settings.metric,
            num_trees=settings.num_trees,
            n_jobs=settings.n_jobs,
            seed=seed,
        )
        return GenerationRef.of(self._call(self._stub.Build, request, LONG_S).generation)

    def project(self, run: str, generation: GenerationRef) -> ArtifactRef:
        """The vectors as points of a map: uint16 [rows, 2], 65535 where an item has none."""
        request = index_pb2.ProjectRequest(run=run, generation=generation.to(common_pb2.Generation))
        return ArtifactRef.of(self._call(self._stub.Project, request, LONG_S).points)

    def neighbours(
        self,
        run: str,
        generation: GenerationRef,
        query: NDArray[np.float32] | NDArray[np.uint64],
        k: int,
        search_k: int,
    ) -> list[tuple[list[int], list[float]]]:
        """For each query, vectors [n, dim] float32 or items [n] uint64: up to ``k`` items and distances, nearest first.

        There are never more than the generation has rows, and never more than a million. Many queries are many calls.
        """
        k = min(k, generation.rows, _MOST_RESULTS)
        page = max(1, min(_MOST_QUERIES, _MOST_RESULTS // max(k, 1), _MOST_BYTES // (4 * generation.dim)))
        found: list[tuple[list[int], list[float]]] = []
        for first in range(0, len(query), page):
            request = index_pb2.NeighboursRequest(
                run=run, generation=generation.to(common_pb2.Generation), k=k, search_k=search_k
            )
            part = query[first : first + page]
            if part.dtype == np.uint64:
                request.items.CopyFrom(to_items(part.astype(np.uint64, copy=False)))
            else:
                request.vectors.CopyFrom(to_vectors(part.astype(np.float32, copy=False)))
            answer = self._call(self._stub.Neighbours, request, 300)
            found.extend((list(near.item), list(near.distance)) for near in answer.neighbourhoods)
        return found
