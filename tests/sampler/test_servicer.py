"""The sampler over gRPC."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from protos import rpc
from protos.common_pb2 import Artifact, Items, Labels
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from protos.sampler_pb2 import ListStrategiesRequest, SelectRequest, SelectResponse
from protos.sampler_pb2_grpc import SamplerStub
from services.common.artifacts import ArtifactStore
from services.sampler.registry import STRATEGIES
from services.sampler.servicer import registration
from tests.support.stores import put_array

ROWS = 1000
NAMES = [strategy.name for strategy in STRATEGIES]


class Room:
    """A served sampler, a store, scores and a mask in it."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder / "store")
        rng = np.random.default_rng(0)
        self.scores = put_array(self.store, "scores/a.npy", rng.random(ROWS, dtype=np.float32))
        self.present = put_array(self.store, "present/a.npy", np.arange(ROWS) % 10 != 0)
        vectors = (
            rng.normal(size=(ROWS, 16)).astype(np.float32) + np.eye(16, dtype=np.float32)[np.arange(ROWS) % 16] * 4
        )
        self.vectors = put_array(self.store, "vectors/a.npy", vectors)
        self.committee = put_array(self.store, "committees/a.npy", rng.random((5, ROWS), dtype=np.float32))
        self.labels = Labels(item=[1, 2, 3, 4], positive=bytes([1, 0, 0, 1]))
        self.server = rpc.serve([registration(self.store)], f"unix:{folder}/s.sock")
        self.channel = rpc.connect(self.server.address)
        self.stub = SamplerStub(self.channel)

    def select(self, **changes: object) -> SelectResponse:
        parts = {"run": "run-7", "round": 3, "strategy": "uncertainty", "count": 20, "seed": 5}
        around = {"vectors": self.vectors, "committee": self.committee, "labels": self.labels}
        request = SelectRequest(**{**parts, "scores": self.scores, "present": self.present, **around, **changes})
        return self.stub.Select(request)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    served = Room(tmp_path_factory.mktemp("sampler"))
    yield served
    served.channel.close()
    served.server.stop(0)


@pytest.mark.parametrize("name", NAMES)
def test_each_pick_carries_its_reason_and_score(room: Room, name: str) -> None:
    answer = room.select(strategy=name, excluded=Items(item=range(1, 500)))
    scores = np.load(room.store.open(room.scores))
    assert answer.run == "run-7"
    assert answer.pool == 450
    assert len({pick.item for pick in answer.picks}) == 20
    for pick in answer.picks:
        assert pick.item >= 500
        assert pick.item % 10 != 0
        assert pick.reason == name or (name == "hybrid" and pick.reason in ("exploit", "boundary", "explore"))
        assert pick.score == scores[pick.item]


@pytest.mark.parametrize("name", NAMES)
def test_same_request_same_picks(room: Room, name: str) -> None:
    assert room.select(strategy=name) == room.select(strategy=name)


@pytest.mark.parametrize("name", ["random", "gaussian"])
def test_seed_and_round_decide_the_draw(room: Room, name: str) -> None:
    picks = {
        tuple(pick.item for pick in room.select(strategy=name, seed=seed, round=number).picks)
        for seed, number in ((5, 3), (6, 3), (5, 4), (2**64 - 1, 2**32 - 1))
    }
    assert len(picks) == 4


def test_alias_is_called_by_its_name(room: Room) -> None:
    assert room.select(strategy="guassian") == room.select(strategy="gaussian")


def test_random_without_scores(room: Room) -> None:
    answer = room.select(strategy="random", scores=None, vectors=None, committee=None, labels=None)
    assert len(answer.picks) == 20
    assert all(math.isnan(pick.score) for pick in answer.picks)


def test_strategies_are_listed(room: Room) -> None:
    listed = room.stub.ListStrategies(ListStrategiesRequest()).strategies
    assert [strategy.name for strategy in listed] == NAMES
    assert all(strategy.description for strategy in listed)
    assert {strategy.name: list(strategy.aliases) for strategy in listed}["gaussian"] == ["guassian"]


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        (
            {"strategy": "uncertanty"},
            InvalidInputError,
            "no sampling strategy 'uncertanty'.* did you mean 'uncertainty'",
        ),
        ({"strategy": ""}, InvalidInputError, "no sampling strategy ''"),
        (
            {"count": 901},
            InvalidInputError,
            "asked for 901 images, but the pool has only 900 left; set sample_size to 900",
        ),
        ({"count": 0}, InvalidInputError, "0 images cannot be selected"),
        ({"scores": None}, InvalidInputError, "needs scores; train a head first"),
        ({"excluded": Items(item=[ROWS])}, InvalidInputError, "item 1000 is excluded, but there are only 1000"),
        ({"present": None}, InvalidInputError, "'' is no name of an artifact"),
        ({"present": Artifact(path="../../etc/passwd")}, InvalidInputError, "no name of an artifact"),
        ({"present": Artifact(path="present/b.npy")}, NotFoundError, r"present/b\.npy is not in the store"),
        ({"scores": Artifact(path="scores/a.npy", bytes=1)}, DamagedError, r"scores/a\.npy is damaged"),
    ],
)
def test_bad_request_is_one_sentence(room: Room, changes: dict[str, object], kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        room.select(**changes)


@pytest.mark.parametrize(
    "array", [np.zeros(ROWS), np.zeros((ROWS, 1), np.float32), np.zeros(ROWS, np.int32), np.zeros(ROWS, np.bool_)]
)
def test_scores_of_another_kind(room: Room, array: np.ndarray) -> None:
    odd = put_array(room.store, f"scores/odd-{array.dtype}-{array.ndim}.npy", array)
    with pytest.raises(DamagedError, match="where float32 with 1 axes was expected"):
        room.select(scores=odd)


def test_scores_that_are_no_array(room: Room) -> None:
    with pytest.raises(DamagedError, match=r"is no \.npy file"):
        room.select(scores=room.store.put("scores/text.npy", b"hello"))


def test_scores_of_another_length(room: Room) -> None:
    short = put_array(room.store, "scores/short.npy", np.zeros(7, np.float32))
    with pytest.raises(InvalidInputError, match="7 scores do not belong to 1000 items"):
        room.select(scores=short)


def test_no_request_is_a_defect_of_ours(room: Room) -> None:
    """Whatever parses is answered, or refused as bad input."""
    chance = random.Random(0)
    good = SelectRequest(
        run="r", strategy="gaussian", count=5, scores=room.scores, present=room.present, excluded=Items(item=[1, 2, 3])
    ).SerializeToString()
    call = room.channel.unary_unary("/activelabeler.v1.Sampler/Select", None, SelectResponse.FromString)
    answered = refused = 0
    for _ in range(500):
        data = bytearray(good)
        for _ in range(chance.choice([0, 1, 2, 5])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            call(bytes(data))
            answered += 1
        except (InvalidInputError, NotFoundError, DamagedError):
            refused += 1
    assert answered > 50
    assert refused > 50
    assert isinstance(room.channel, grpc.Channel)
