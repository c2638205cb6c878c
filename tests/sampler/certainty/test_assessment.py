"""The three lights behind a real server, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from protos import rpc
from protos.common_pb2 import Items, Labels
from protos.errors import InvalidInputError
from protos.sampler_pb2 import (
    AssessRequest,
    Audit,
    ChooseThresholdRequest,
    DrawAuditRequest,
    JudgeAuditRequest,
    PlanAuditRequest,
)
from protos.sampler_pb2_grpc import SamplerStub
from services.common.artifacts import ArtifactStore
from services.sampler.servicer import registration
from tests.support.stores import put_array

ROWS = 1_000


class Room:
    """A thousand items; the first hundred score high."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder / "store")
        scores = np.where(np.arange(ROWS) < 100, 0.99, 0.001).astype(np.float32)
        rng = np.random.default_rng(0)
        self.scores = put_array(self.store, "scores/a.npy", scores)
        self.flipped = put_array(self.store, "scores/b.npy", scores[::-1].copy())
        self.present = put_array(self.store, "present/a.npy", np.ones(ROWS, np.bool_))
        self.vectors = put_array(self.store, "vectors/a.npy", rng.normal(size=(ROWS, 8)).astype(np.float32))
        self.server = rpc.serve([registration(self.store)], f"unix:{folder}/s.sock")
        self.channel = rpc.connect(self.server.address)
        self.stub = SamplerStub(self.channel)

    def labels(self, positive: int, negative: int) -> Labels:
        items = [*range(positive), *range(200, 200 + negative)]
        return Labels(item=items, positive=bytes([1] * positive + [0] * negative))

    def assess(self, **more: object):  # type: ignore[no-untyped-def]
        parts = {"run": "a", "present": self.present, "vectors": self.vectors}
        return self.stub.Assess(AssessRequest(**{**parts, **more}))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("certainty"))
    yield made
    made.channel.close()
    made.server.stop(0)


def test_without_labels_all_is_grey(room: Room) -> None:
    seen = room.assess()
    assert (seen.run, seen.head.colour, seen.coverage.colour, seen.audit.colour) == ("a", "grey", "grey", "grey")
    assert math.isnan(seen.audited_recall)
    assert seen.advice == "Label a first batch."


def test_a_rich_yield_says_go_on(room: Room) -> None:
    seen = room.assess(scores=room.scores, labels=room.labels(20, 30))
    assert seen.coverage.colour == "red"
    assert seen.advice == "Keep labeling: 20 of the last 50 were positive."


def test_a_settled_head_is_no_proof(room: Room) -> None:
    same = room.assess(scores=room.scores, previous=room.scores, labels=room.labels(5, 5))
    assert (same.head.colour, same.kappa) == ("green", 1.0)
    assert "does not mean that all is found" in same.head.text
    assert room.assess(scores=room.scores, previous=room.flipped).head.colour == "red"


def test_an_audit_gives_an_exact_bound_and_advice(room: Room) -> None:
    labels = room.labels(90, 0)
    labels.item.extend(range(300, 360))
    labels.positive += bytes(60)
    audit = Audit(pool=850, drawn=400, positive=0, found=90)
    seen = room.assess(scores=room.scores, labels=labels, asked=Items(item=labels.item), audit=audit)
    assert seen.audit.colour == "green"
    assert 0.9 <= seen.audited_at_least < seen.audited_recall == 1.0
    assert "at least" in seen.audit.text
    assert seen.advice.endswith("you can finish.")


def test_the_price_is_told_and_the_draw_is_uniform_and_repeatable(room: Room) -> None:
    plan = room.stub.PlanAudit(PlanAuditRequest(run="a", kind="recall", target=0.9, found=50, pool=900))
    assert plan.draws > 100
    assert f"about {plan.draws:,} of 900" in plan.sentence
    request = DrawAuditRequest(
        run="a", kind="recall", count=50, seed=3, present=room.present, excluded=Items(item=[1, 2])
    )
    drawn = room.stub.DrawAudit(request)
    assert drawn.pool == ROWS - 2
    assert len(set(drawn.item)) == 50
    assert list(drawn.item) == list(room.stub.DrawAudit(request).item)
    accepted = DrawAuditRequest(
        run="a", kind="precision", count=20, present=room.present, scores=room.scores, threshold=0.5
    )
    assert max(room.stub.DrawAudit(accepted).item) < 100


def test_a_draw_is_judged_against_its_target(room: Room) -> None:
    clean = JudgeAuditRequest(run="a", kind="precision", audit=Audit(pool=900, drawn=59, positive=59), target=0.95)
    assert room.stub.JudgeAudit(clean).shown
    clean.audit.positive = 58
    assert not room.stub.JudgeAudit(clean).shown


def test_a_threshold_is_chosen_with_its_price(room: Room) -> None:
    request = ChooseThresholdRequest(run="a", scores=room.scores, present=room.present, target=0.9)
    line = room.stub.ChooseThreshold(request)
    assert (line.accepted, round(line.threshold, 2)) == (100, 0.99)
    assert 0 < line.draws <= 29


@pytest.mark.parametrize(
    ("call", "request_", "sentence"),
    [
        ("PlanAudit", PlanAuditRequest(kind="recall", target=1.5), "target is 1.5"),
        ("PlanAudit", PlanAuditRequest(kind="luck", target=0.5), "no audit of 'luck'"),
        ("JudgeAudit", JudgeAuditRequest(kind="recall", audit=Audit(pool=1, drawn=5)), "cannot come from a pool of 1"),
        ("JudgeAudit", JudgeAuditRequest(kind="recall", confidence=2), "confidence is 2"),
    ],
)
def test_bad_requests_are_one_sentence(room: Room, call: str, request_: object, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        getattr(room.stub, call)(request_)
    assert sentence in str(caught.value)


def test_labels_beyond_the_catalog_are_refused(room: Room) -> None:
    with pytest.raises(InvalidInputError, match="only 1000 items"):
        room.assess(labels=Labels(item=[5_000], positive=b"\1"))
    with pytest.raises(InvalidInputError, match="ask for 1 to 1000"):
        room.stub.DrawAudit(DrawAuditRequest(kind="recall", count=1_001, present=room.present))
