"""A served index with one catalog of vectors in its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from protos import index_pb2, rpc
from protos.common_pb2 import Generation, Items
from protos.index_pb2_grpc import IndexStub
from protos.wire import to_vectors
from services.common.artifacts import ArtifactStore
from services.index.servicer import registration
from tests.support.stores import put_manifest

Answer = list[tuple[list[int], list[float]]]


class Room:
    """A served index; ``vectors`` [600, 8] lie in its store, items 3 and 599 are quarantined, 10 and 11 are equal."""

    rows, dim = 600, 8
    quarantined = frozenset({3, 599})

    def __init__(self, folder: Path, vectors: np.ndarray) -> None:
        self.store = ArtifactStore(folder / "store")
        self.vectors = vectors
        self.blocks = put_manifest(self.store, vectors, self.quarantined)
        self.server = rpc.serve([registration(self.store, open_generations=2)], f"unix:{folder}/s.sock")
        self.channel = rpc.connect(self.server.address)
        self.stub = IndexStub(self.channel)

    def build(self, **changes: object) -> index_pb2.BuildResponse:
        parts = {"run": "run-7", "rows": self.rows, "dim": self.dim, "blocks": self.blocks, "num_trees": 10, "seed": 5}
        return self.stub.Build(index_pb2.BuildRequest(**{**parts, **changes}))

    def of_items(self, generation: Generation, items: list[int], k: int = 5, **how: object) -> Answer:
        request = index_pb2.NeighboursRequest(run="r", generation=generation, items=Items(item=items), k=k, **how)
        return _lists(self.stub.Neighbours(request))

    def of_vectors(self, generation: Generation, queries: np.ndarray, k: int = 5, **how: object) -> Answer:
        vectors = to_vectors(queries)
        request = index_pb2.NeighboursRequest(run="r", generation=generation, vectors=vectors, k=k, **how)
        return _lists(self.stub.Neighbours(request))

    def close(self) -> None:
        self.channel.close()
        self.server.stop(0)


def _lists(answer: index_pb2.NeighboursResponse) -> Answer:
    assert answer.run == "r"
    return [(list(found.item), list(found.distance)) for found in answer.neighbourhoods]


@pytest.fixture(scope="session")
def matrix() -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(Room.rows, Room.dim)).astype(np.float32)
    vectors[11] = vectors[10]
    return vectors


@pytest.fixture
def room(tmp_path: Path, matrix: np.ndarray) -> Iterator[Room]:
    served = Room(tmp_path, matrix)
    yield served
    served.close()


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory, matrix: np.ndarray) -> Iterator[Room]:
    """For tests that only ask."""
    served = Room(tmp_path_factory.mktemp("index"), matrix)
    yield served
    served.close()
