"""Neighbours over gRPC: by items, by vectors, by trees, exactly; and what is refused."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import index_pb2
from protos.common_pb2 import Generation, Items, Vectors
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.index.cache import OpenGenerations
from services.index.generations import Generations
from tests.support.stores import put_manifest

if TYPE_CHECKING:
    from tests.index.conftest import Room

METRICS = ["euclidean", "angular"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 7, 50])
def test_trees_find_what_is_exact(shared_room: Room, metric: str, k: int) -> None:
    """600 items are all looked at with the default search_k."""
    made = shared_room.build(metric=metric).generation
    queries = np.random.default_rng(1).normal(size=(9, 8)).astype(np.float32)
    trees = shared_room.of_vectors(made, queries, k)
    exact = shared_room.of_vectors(made, queries, k, exact=True)
    assert [items for items, _ in trees] == [items for items, _ in exact]
    for (_, ours), (_, theirs) in zip(trees, exact, strict=True):
        assert np.allclose(ours, theirs, atol=1e-4)
        assert ours == sorted(ours)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_item_is_its_own_first_neighbour(shared_room: Room, metric: str, exact: bool) -> None:
    """Also where another is equal to it, and has a smaller number."""
    made = shared_room.build(metric=metric).generation
    items = [0, 11, 10, 598, 11]
    found = shared_room.of_items(made, items, 4, exact=exact)
    assert [neighbours[0] for neighbours, _ in found] == items
    assert [distances[0] for _, distances in found] == [0.0] * 5
    assert found[1][0][1] == 10
    assert found[2][0][1] == 11
    assert found[1] == found[4]
    assert all(len(set(neighbours)) == 4 for neighbours, _ in found)


@pytest.mark.parametrize("exact", [False, True])
def test_item_is_first_even_among_many_equal_ones(room: Room, exact: bool) -> None:
    same = put_manifest(room.store, np.ones((600, 8), np.float32), tag="same")
    made = room.build(blocks=same).generation
    for item in (0, 300, 599):
        neighbours, distances = room.of_items(made, [item], 5, exact=exact)[0]
        assert neighbours[0] == item
        assert len(set(neighbours)) == 5
        assert distances == [0.0] * 5


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("k", [598, 599, 600, 10_000, 2**32 - 1])
def test_all_there_are_where_more_are_asked_for(shared_room: Room, exact: bool, k: int) -> None:
    made = shared_room.build().generation
    items, _ = shared_room.of_items(made, [7], k, exact=exact)[0]
    assert sorted(items) == [item for item in range(600) if item not in shared_room.quarantined]


@pytest.mark.parametrize("exact", [False, True])
def test_absent_items_are_never_found(shared_room: Room, exact: bool) -> None:
    """Not even by the vector of zeros that stands in their place."""
    made = shared_room.build().generation
    items, _ = shared_room.of_vectors(made, np.zeros((1, 8), np.float32), 598, exact=exact)[0]
    assert shared_room.quarantined.isdisjoint(items)


def test_small_search_k_still_gives_k(shared_room: Room) -> None:
    made = shared_room.build().generation
    items, _ = shared_room.of_items(made, [7], 300, search_k=1)[0]
    assert len(items) == 300


def test_search_k_is_passed_on(shared_room: Room) -> None:
    """One node is less than all of them: some answers differ from the exact ones."""
    made = shared_room.build().generation
    queries = np.random.default_rng(2).normal(size=(50, 8)).astype(np.float32)
    assert shared_room.of_vectors(made, queries, 3, search_k=1) != shared_room.of_vectors(made, queries, 3)


def test_no_items_no_neighbours(shared_room: Room) -> None:
    made = shared_room.build().generation
    assert shared_room.of_items(made, []) == []
    assert shared_room.of_vectors(made, np.zeros((0, 8), np.float32)) == []
    assert shared_room.of_vectors(made, np.zeros((0, 8), np.float32), exact=True) == []


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("query", "kind", "sentence"),
    [
        ({"items": Items(item=[1, 600])}, NotFoundError, "there is no item 600 among these 600, counted from 0"),
        ({"items": Items(item=[2**64 - 1])}, NotFoundError, "there is no item 18446744073709551615"),
        ({"items": Items(item=[599])}, InvalidInputError, "item 599 has no embedding, as its image could not be read"),
        ({}, InvalidInputError, "the query is empty; give items or vectors"),
        ({"vectors": Vectors(rows=1, dim=7, data=b"\0" * 28)}, InvalidInputError, "vectors of 7 numbers .* generation's of 8"),
        ({"vectors": Vectors(rows=1, dim=8, data=b"\0" * 31)}, InvalidInputError, "31 bytes are no 1 vectors of 8"),
        ({"vectors": Vectors(rows=2, dim=8, data=b"\0" * 60 + b"\0\0\xc0\x7f")}, InvalidInputError, "vector 1 .* not finite"),
        ({"vectors": Vectors(rows=1, dim=8, data=b"\0\0\x80\x7f" * 8)}, InvalidInputError, "vector 0 .* not finite"),
        ({"items": Items(item=[1]), "k": 0}, InvalidInputError, "0 neighbours cannot be found; ask for at least one"),
        ({"items": Items(item=[1]), "search_k": -1}, InvalidInputError, "search_k is -1; give a positive number, or 0"),
        ({"items": Items(item=[1] * 2000), "k": 600}, InvalidInputError, "598 neighbours of 2000 images are more than"),
    ],
)  # fmt: skip
def test_bad_query_is_one_sentence(
    shared_room: Room, query: dict[str, object], kind: type, sentence: str, exact: bool
) -> None:
    made = shared_room.build().generation
    with pytest.raises(kind, match=sentence):
        shared_room.stub.Neighbours(
            index_pb2.NeighboursRequest(**{"generation": made, "k": 3, "exact": exact, **query})
        )


@pytest.mark.parametrize("exact", [False, True])
def test_largest_answer_fits_a_message(shared_room: Room, exact: bool) -> None:
    made = shared_room.build().generation
    found = shared_room.of_items(made, [1] * 1672, 598, exact=exact)
    assert sum(len(items) for items, _ in found) == 1672 * 598 <= 1_000_000


@pytest.mark.parametrize("identity", ["", "nonsense", "../../etc/passwd", "0" * 31, "0" * 33, "G" * 32])
def test_generation_that_is_none(shared_room: Room, identity: str) -> None:
    with pytest.raises(InvalidInputError, match="names no generation; give what Build has returned"):
        shared_room.of_items(Generation(id=identity), [1])


def test_generation_that_nobody_has_built(shared_room: Room) -> None:
    with pytest.raises(NotFoundError, match=f"there is no generation {'0' * 32} in the store; put it back"):
        shared_room.of_items(Generation(id="0" * 32), [1])


@pytest.mark.parametrize(
    "change", [{"dim": 4}, {"metric": "angular"}, {"rows": 599}, {"num_trees": 11}, {"seed": 0}], ids=str
)
@pytest.mark.parametrize("asked_before", [False, True])
def test_generation_with_other_parameters_never_reaches_annoy(
    room: Room, change: dict[str, object], asked_before: bool
) -> None:
    """A euclidean file opens as an angular one without a word."""
    made = room.build().generation
    if asked_before:
        room.of_items(made, [1])
    wrong = Generation()
    wrong.CopyFrom(made)
    wrong.MergeFrom(Generation(**change))  # type: ignore[arg-type]
    for name, value in change.items():
        setattr(wrong, name, value)
    with pytest.raises(InvalidInputError, match=f"this is not generation {made.id} as Build has returned it"):
        room.of_items(wrong, [1])


def test_parts_of_two_generations_are_not_mixed(room: Room) -> None:
    first, second = room.build().generation, room.build(seed=6).generation
    first.index.CopyFrom(second.index)
    with pytest.raises(InvalidInputError, match="as Build has returned it"):
        room.of_items(first, [1])


@pytest.mark.parametrize("damage", ["truncated", "flipped", "zeros", "empty"])
def test_damaged_annoy_file_never_reaches_annoy(room: Room, damage: str) -> None:
    """It would kill the process; the server goes on, exact search too, and Build mends it."""
    made = room.build().generation
    path = room.store.open(made.index)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        for at in range(0, len(data), len(data) // 8):
            data[at] ^= 0xFF
    path.unlink()
    path.write_bytes(
        {"truncated": data[: len(data) // 2], "flipped": data, "zeros": bytes(len(data)), "empty": b""}[damage]
    )
    with pytest.raises(DamagedError, match=rf"artifact annoy/{made.id}\.ann is damaged"):
        room.of_items(made, [7])
    assert room.of_items(made, [7], exact=True)[0][0][0] == 7
    assert room.build().generation == made
    assert room.of_items(made, [7])[0][0][0] == 7


@pytest.mark.parametrize("part", ["vectors", "present"])
def test_damaged_vectors_are_noticed(room: Room, part: str) -> None:
    made = room.build().generation
    path = room.store.open(getattr(made, part))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=f"artifact {part}/"):
        room.of_items(made, [7])


def test_few_generations_stay_open(room: Room) -> None:
    made = [room.build(seed=seed).generation for seed in range(4)]
    known = OpenGenerations(room.store, Generations(room.store), capacity=2)
    opened = [known.get(generation) for generation in made[:2]]
    assert known.get(made[0]) is opened[0]
    known.get(made[2])  # the one that was not asked for longest goes: made[1]
    assert known.get(made[0]) is opened[0]
    assert known.get(made[1]) is not opened[1]


def test_answers_of_other_replicas_are_the_same(room: Room) -> None:
    made = room.build().generation
    store = ArtifactStore(room.store.root)
    there = OpenGenerations(store, Generations(store), 1).get(made).of_items(np.array([7], dtype=np.uint64), 5)
    here = room.of_items(made, [7], 5)
    assert there[0][0] == here[0][0]


def test_no_request_is_a_defect_of_ours(shared_room: Room) -> None:
    """Whatever parses is answered, or refused as bad input."""
    chance = random.Random(0)
    made = shared_room.build().generation
    good = index_pb2.NeighboursRequest(run="r", generation=made, items=Items(item=[1, 2]), k=3).SerializeToString()
    build = index_pb2.BuildRequest(run="r", rows=600, dim=8, blocks=shared_room.blocks, num_trees=2).SerializeToString()
    answered = refused = 0
    for number in range(400):
        method, start = (("Build", build), ("Neighbours", good))[number % 2]
        call = shared_room.channel.unary_unary(f"/activelabeler.v1.Index/{method}")
        data = bytearray(start)
        for _ in range(chance.choice([0, 1, 1, 4])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            call(bytes(data))
            answered += 1
        except (InvalidInputError, NotFoundError, DamagedError):
            refused += 1
    assert answered > 50
    assert refused > 50
