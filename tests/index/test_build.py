"""Build over gRPC: generations side by side, the same one at no cost, and what damage does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import index_pb2, rpc
from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from protos.index_pb2_grpc import IndexStub
from services.common.artifacts import ArtifactStore
from services.index import generations
from services.index.servicer import registration
from tests.support.stores import put_manifest

if TYPE_CHECKING:
    from tests.index.conftest import Room


def _state(store: ArtifactStore) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in store.root.rglob("*") if path.is_file()
    }


def test_generation_says_what_it_is(room: Room) -> None:
    answer = room.build()
    made = answer.generation
    assert answer.run == "run-7"
    assert answer.seconds > 0
    assert (made.rows, made.dim, made.metric, made.num_trees, made.n_jobs, made.seed) == (600, 8, "euclidean", 10, 1, 5)
    assert len(made.id) == 32
    vectors = np.load(room.store.open(made.vectors), mmap_mode="r")
    present = np.load(room.store.open(made.present))
    assert set(np.flatnonzero(~present).tolist()) == room.quarantined
    assert np.array_equal(vectors[present], room.vectors[present])
    assert room.store.open(made.index).suffix == ".ann"


def test_repeated_build_returns_the_same_at_no_cost(room: Room) -> None:
    first = room.build()
    before = _state(room.store)
    again = room.build(run="another run")
    assert again.generation == first.generation
    assert again.seconds == first.seconds
    assert again.run == "another run"
    assert _state(room.store) == before


def test_another_replica_returns_the_same(room: Room, tmp_path: Path) -> None:
    first = room.build()
    before = _state(room.store)
    server = rpc.serve([registration(ArtifactStore(room.store.root), 2)], f"unix:{tmp_path}/other.sock")
    with rpc.connect(server.address) as channel:
        request = index_pb2.BuildRequest(
            rows=600, dim=8, blocks=room.blocks, num_trees=10, seed=5, n_jobs=1, metric="euclidean"
        )
        assert IndexStub(channel).Build(request).generation == first.generation
    server.stop(0)
    assert _state(room.store) == before


def test_generations_stand_side_by_side(room: Room) -> None:
    first = room.build().generation
    others = [room.build(num_trees=11), room.build(seed=6), room.build(metric="angular"), room.build(n_jobs=2)]
    assert len({first.id, *(other.generation.id for other in others)}) == 5
    for other in others:
        assert other.generation.vectors == first.vectors, "the same vectors are not written again"
        assert room.of_items(other.generation, [7])[0][0][0] == 7
    assert room.of_items(first, [7])[0][0][0] == 7


def test_new_vectors_leave_the_old_generation_as_it_was(room: Room) -> None:
    first = room.build().generation
    before = room.of_items(first, [7])
    changed = put_manifest(room.store, room.vectors[::-1].copy(), tag="b")
    second = room.build(blocks=changed).generation
    assert second.id != first.id
    assert second.vectors != first.vectors
    assert room.of_items(first, [7]) == before
    assert room.of_items(second, [599 - 7]) != before


def test_one_job_gives_the_same_bytes_in_any_store(room: Room, tmp_path: Path) -> None:
    first = room.build().generation
    store = ArtifactStore(tmp_path / "elsewhere")
    blocks = put_manifest(store, room.vectors, room.quarantined)
    server = rpc.serve([registration(store, 2)], f"unix:{tmp_path}/other.sock")
    with rpc.connect(server.address) as channel:
        request = index_pb2.BuildRequest(rows=600, dim=8, blocks=blocks, num_trees=10, seed=5)
        assert IndexStub(channel).Build(request).generation == first
    server.stop(0)


def test_calls_at_the_same_time_build_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    build_annoy = generations.build_annoy
    monkeypatch.setattr(
        generations, "build_annoy", lambda path, *rest: built.append(path.name) or build_annoy(path, *rest)
    )
    found: list[index_pb2.BuildResponse] = []
    callers = [threading.Thread(target=lambda: found.append(room.build(n_jobs=2))) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(built) == 1
    assert len(found) == 5
    assert all(answer == found[0] for answer in found)


@pytest.mark.parametrize("part", ["index", "vectors", "present"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_damaged_part_is_made_again(room: Room, part: str, n_jobs: int, tmp_path: Path) -> None:
    first = room.build(n_jobs=n_jobs).generation
    path = room.store.open(getattr(first, part))
    path.write_bytes(path.read_bytes()[:-100])
    again = room.build(n_jobs=n_jobs).generation
    assert again.id == first.id
    assert again.vectors == first.vectors
    if n_jobs == 1:
        assert again == first
    assert room.of_items(again, [7])[0][0][0] == 7


def test_lost_record_is_written_again(room: Room) -> None:
    first = room.build().generation
    room.store.remove(f"generations/{first.id}.json")
    with pytest.raises(NotFoundError, match=f"no generation {first.id} in the store"):
        room.of_items(first, [7])
    assert room.build().generation == first
    assert room.of_items(first, [7])[0][0][0] == 7


def test_damaged_block_is_named(room: Room) -> None:
    path = room.store.root / "blocks" / "a-256.npz"
    path.write_bytes(b"damage")
    with pytest.raises(DamagedError, match=r"artifact blocks/a-256\.npz is damaged"):
        room.build()
    assert list((room.store.root / "vectors").iterdir()) == [], "nothing half-made is left"


def test_nothing_readable_at_all(room: Room) -> None:
    none = put_manifest(room.store, room.vectors, frozenset(range(600)), tag="none")
    with pytest.raises(InvalidInputError, match="none of the 600 images could be read, so there is nothing to index"):
        room.build(blocks=none)


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"rows": 0}, InvalidInputError, "0 vectors of 8 numbers cannot be indexed"),
        ({"dim": 0}, InvalidInputError, "600 vectors of 0 numbers cannot be indexed"),
        ({"metric": "cosine"}, InvalidInputError, "the metric is 'cosine'; choose one of euclidean, angular"),
        ({"num_trees": 0}, InvalidInputError, "num_trees is 0"),
        ({"num_trees": 2**32 - 1}, InvalidInputError, "num_trees is 4294967295"),
        ({"n_jobs": 2**32 - 1}, InvalidInputError, "n_jobs is 4294967295"),
        ({"rows": 601}, InvalidInputError, "the blocks hold 600 items, but the catalog has 601; embed the rest first"),
        ({"rows": 2**62}, InvalidInputError, "the blocks hold 600 items, but the catalog has 4611686018427387904"),
        ({"dim": 9}, DamagedError, r"holds vectors \(256, 8\) where \(256, 9\) were announced"),
        ({"blocks": None}, InvalidInputError, "'' is no name of an artifact"),
        ({"blocks": Artifact(path="manifests/none.json")}, NotFoundError, r"manifests/none\.json is not in the store"),
    ],
)
def test_bad_request_is_one_sentence(shared_room: Room, changes: dict[str, object], kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        shared_room.build(**changes)


def test_manifest_that_is_none(room: Room) -> None:
    with pytest.raises(DamagedError, match="is no manifest of blocks"):
        room.build(blocks=room.store.put("manifests/odd.json", b"[1]"))
