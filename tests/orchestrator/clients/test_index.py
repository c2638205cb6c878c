"""What the client of the index asks for, told by a real index's answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from orchestrator.clients.caller import Caller
from orchestrator.clients.index import IndexClient
from orchestrator.clients.refs import ArtifactRef, GenerationRef
from orchestrator.settings import IndexSettings
from protos import rpc
from protos.errors import InvalidInputError
from protos.index_pb2_grpc import IndexStub
from services.common.artifacts import ArtifactStore
from services.index.searching import MOST_RESULTS
from services.index.servicer import registration
from tests.support.stores import put_manifest

ROWS, DIM = 1010, 4


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[IndexClient, GenerationRef]]:
    folder = tmp_path_factory.mktemp("index")
    store = ArtifactStore(folder / "store")
    vectors = np.random.default_rng(2).normal(size=(ROWS, DIM)).astype(np.float32)
    manifest = ArtifactRef.of(put_manifest(store, vectors))
    server = rpc.serve([registration(store, open_generations=2)], f"unix:{folder}/s.sock")
    with rpc.connect(server.address) as channel:
        client = IndexClient(IndexStub(channel), Caller())
        yield client, client.build("r", ROWS, DIM, manifest, IndexSettings(num_trees=5), seed=1)
    server.stop(0)


def test_more_results_than_one_answer_takes_come_in_pages(index: tuple[IndexClient, GenerationRef]) -> None:
    client, generation = index
    items = np.arange(ROWS, dtype=np.uint64)
    assert ROWS * ROWS > MOST_RESULTS
    found = client.neighbours("r", generation, items, ROWS, 0)
    assert [near[0] for near, _ in found] == items.tolist()  # each is its own first neighbour: pages are in order
    assert {len(near) for near, _ in found} == {ROWS}


def test_more_neighbours_than_there_are_rows_are_all_rows(index: tuple[IndexClient, GenerationRef]) -> None:
    client, generation = index
    query = np.zeros((3, DIM), dtype=np.float32)
    found = client.neighbours("r", generation, query, 10 * MOST_RESULTS, 0)
    assert [len(near) for near, _ in found] == [ROWS] * 3


def test_no_query_has_no_answer(index: tuple[IndexClient, GenerationRef]) -> None:
    client, generation = index
    assert client.neighbours("r", generation, np.zeros(0, dtype=np.uint64), 5, 0) == []


def test_no_neighbours_are_refused_by_the_index(index: tuple[IndexClient, GenerationRef]) -> None:
    client, generation = index
    with pytest.raises(InvalidInputError, match="ask for at least one"):
        client.neighbours("r", generation, np.array([1], dtype=np.uint64), 0, 0)
