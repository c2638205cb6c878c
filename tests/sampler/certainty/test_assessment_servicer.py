"""The lights, plans, draws and verdicts over gRPC."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from protos import rpc
from protos import sampler_pb2 as pb
from protos.common_pb2 import Items, Labels
from protos.errors import InvalidInputError, NotFoundError
from protos.sampler_pb2_grpc import SamplerStub
from services.common.artifacts import ArtifactStore
from services.sampler.servicer import registration
from tests.support.stores import put_array

ROWS = 1000
FALLING = np.linspace(0.999, 0.0, ROWS).astype(np.float32)


class Room:
    def __init__(self, folder: Path) -> None:
        store = ArtifactStore(folder / "store")
        rng = np.random.default_rng(0)
        truth = np.arange(ROWS) < 100
        self.scores = put_array(store, "scores/a.npy", np.where(truth, 0.999, 0.001).astype(np.float32))
        self.other = put_array(store, "scores/b.npy", np.where(np.arange(ROWS) < 50, 0.9, 0.1).astype(np.float32))
        self.falling = put_array(store, "scores/c.npy", FALLING)
        self.short = put_array(store, "scores/short.npy", np.zeros(7, np.float32))
        self.present = put_array(store, "present/a.npy", np.arange(ROWS) % 10 != 9)
        self.vectors = put_array(store, "vectors/a.npy", rng.normal(size=(ROWS, 8)).astype(np.float32))
        self.server = rpc.serve([registration(store)], f"unix:{folder}/s.sock")
        self.channel = rpc.connect(self.server.address)
        self.stub = SamplerStub(self.channel)

    def assess(self, **changes: object) -> pb.AssessResponse:
        parts = {"run": "r", "scores": self.scores, "present": self.present, "vectors": self.vectors}
        return self.stub.Assess(pb.AssessRequest(**{**parts, **changes}))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    served = Room(tmp_path_factory.mktemp("assessing"))
    yield served
    served.channel.close()
    served.server.stop(0)


def _labels(items: range, positive: int) -> Labels:
    return Labels(item=items, positive=bytes([0] * (len(items) - positive) + [1] * positive))


def test_before_the_first_label_all_lights_are_grey(room: Room) -> None:
    told = room.assess(scores=None)
    assert [told.head.colour, told.coverage.colour, told.audit.colour] == ["grey"] * 3
    assert told.advice == "Label a first batch."
    assert all(math.isnan(x) for x in (told.kappa, told.recent_yield, told.model_recall, told.audited_at_least))
    assert told.clusters > 0 == told.visited


def test_a_settled_head_is_not_the_end(room: Room) -> None:
    told = room.assess(previous=room.scores)
    assert told.head.colour == "green"
    assert "does not mean that all is found" in told.head.text
    assert room.assess(previous=room.other).head.colour == "red"


def test_the_yield_looks_at_the_last_50_in_their_order(room: Room) -> None:
    items = range(899, 799, -1)  # answered from the last to the first: the newest are the lowest
    told = room.assess(labels=_labels(items, 14))
    assert told.recent_yield == pytest.approx(14 / 50)
    assert told.advice == "Keep labeling: 14 of the last 50 were positive."
    assert told.coverage.colour == "red"
    assert 0 < told.visited < told.clusters


def test_an_audit_is_shown_with_its_bound_and_the_model_as_an_estimate(room: Room) -> None:
    items = range(120)
    audit = pb.Audit(pool=900, drawn=400, positive=0, found=60)
    told = room.assess(labels=_labels(items, 60), audit=audit)
    assert told.audited_recall == 1.0
    assert told.audited_at_least == pytest.approx(60 / 66, abs=0.02)
    assert told.audit.text.startswith("Audited recall 100 %, at least 9")
    assert 0 < told.model_recall < 1
    later = room.assess(labels=_labels(items, 64), audit=audit)
    assert later.audited_at_least > told.audited_at_least


def test_what_is_in_doubt_counts_against_recall_and_is_not_found(room: Room) -> None:
    audit = pb.Audit(pool=50, drawn=50, found=1, doubtful=10)
    judged = room.stub.JudgeAudit(pb.JudgeAuditRequest(kind="recall", audit=audit))
    assert judged.at_least == judged.estimate == pytest.approx(1 / 11)
    assert judged.sentence.startswith("10 of 50 drawn images count as positive: recall about 9 %, at least 9 %")
    told = room.assess(labels=_labels(range(30), 1), audit=audit)
    assert told.audited_at_least == pytest.approx(1 / 11), "the light and the verdict say the same"


def test_advice_names_the_swipes_of_an_audit(room: Room) -> None:
    told = room.assess(labels=_labels(range(900), 0), vectors=None)
    assert "Nothing was found yet" in told.advice
    items = range(300)
    labels = Labels(item=items, positive=bytes([1] * 100 + [0] * 200))
    told = room.assess(labels=labels, vectors=None)
    plan = room.stub.PlanAudit(pb.PlanAuditRequest(kind="recall", target=0.9, found=100, pool=630))
    assert f"An audit of {plan.draws} images would show that at least 90 % are found" in told.advice


def test_a_plan_says_what_it_costs(room: Room) -> None:
    plan = room.stub.PlanAudit(pb.PlanAuditRequest(run="r", kind="recall", target=0.9, found=180, pool=19_820))
    assert 2500 < plan.draws < 3100
    assert f"about {plan.draws:,} of 19,820 images if none of them is a surprise" in plan.sentence
    nothing = room.stub.PlanAudit(pb.PlanAuditRequest(kind="recall", target=0.9, pool=100))
    assert nothing.draws == 0
    assert "before a positive is found" in nothing.sentence


def test_draws_are_repeatable_and_of_the_right_pool(room: Room) -> None:
    request = pb.DrawAuditRequest(
        kind="recall", count=50, seed=3, present=room.present, excluded=Items(item=range(500))
    )
    drawn = room.stub.DrawAudit(request)
    assert drawn == room.stub.DrawAudit(request)
    assert drawn.pool == 450
    assert len(set(drawn.item)) == 50
    assert all(item >= 500 and item % 10 != 9 for item in drawn.item)
    request.kind, request.threshold = "precision", 0.5
    request.scores.CopyFrom(room.scores)
    request.excluded.CopyFrom(Items(item=[0, 1]))
    drawn = room.stub.DrawAudit(request)
    assert drawn.pool == 88
    assert all(2 <= item < 100 for item in drawn.item)


def test_a_draw_from_a_whole_catalog_needs_no_vectors_and_bounds_the_prevalence(room: Room) -> None:
    request = pb.DrawAuditRequest(run="r", kind="prevalence", count=200, seed=4, rows=10**12)
    drawn = room.stub.DrawAudit(request)
    assert drawn == room.stub.DrawAudit(request)
    assert (drawn.pool, len(set(drawn.item))) == (10**12, 200)
    request.seed = 5
    assert list(drawn.item) != list(room.stub.DrawAudit(request).item)
    asked = pb.BoundPrevalenceRequest(run="r", pool=950, said=b"\1\2\0" + b"\2" * 197, positives=1, negatives=198)
    bounds = room.stub.BoundPrevalence(asked)
    assert (bounds.run, bounds.drawn, bounds.positive, bounds.unknown) == ("r", 200, 1, 1)
    assert 1 <= bounds.at_least < bounds.at_most < 950 * 0.06
    assert bounds.sentence == (
        f"{bounds.at_least} to {bounds.at_most} of 950 images are positive with 95 % confidence: of the first 200 drawn by lot 1"
        " have a yes and 1 neither yes nor no, which count either way."
    )
    asked.confidence = 0.5
    assert room.stub.BoundPrevalence(asked).at_most < bounds.at_most


def test_a_threshold_and_its_proof(room: Room) -> None:
    line = room.stub.ChooseThreshold(pb.ChooseThresholdRequest(scores=room.scores, present=room.present, target=0.95))
    assert (line.accepted, round(line.threshold, 3)) == (90, 0.999)
    audit = pb.Audit(pool=line.accepted, drawn=line.draws, positive=line.draws)
    proved = room.stub.JudgeAudit(pb.JudgeAuditRequest(kind="precision", audit=audit, target=0.95))
    assert proved.shown
    audit.positive -= 1
    failed = room.stub.JudgeAudit(pb.JudgeAuditRequest(kind="precision", audit=audit, target=0.95))
    assert not failed.shown
    assert failed.at_least < 0.95
    audit.found = 60
    named = room.stub.JudgeAudit(pb.JudgeAuditRequest(kind="precision", audit=audit, target=0.95))
    assert named.at_least > failed.at_least
    assert "together with the 60 that people named" in named.sentence
    recall = room.stub.JudgeAudit(
        pb.JudgeAuditRequest(kind="recall", audit=pb.Audit(pool=900, drawn=400, found=60), target=0.9)
    )
    assert recall.shown
    assert "recall about 100 %, at least 9" in recall.sentence


@pytest.mark.parametrize(
    ("method", "request_", "sentence"),
    [
        ("PlanAudit", pb.PlanAuditRequest(kind="recall", target=1.5, pool=9), "target is 1.5"),
        ("PlanAudit", pb.PlanAuditRequest(kind="x", target=0.5), "no audit of 'x'"),
        ("JudgeAudit", pb.JudgeAuditRequest(kind="x", audit=pb.Audit()), "no audit of 'x'"),
        ("JudgeAudit", pb.JudgeAuditRequest(kind="recall", audit=pb.Audit(pool=1, drawn=2)), "pool of 1"),
        ("DrawAudit", pb.DrawAuditRequest(kind="prevalence", count=0, rows=9), "0 images cannot be drawn from 9"),
        ("DrawAudit", pb.DrawAuditRequest(kind="prevalence", count=10, rows=9), "ask for 1 to 9"),
        ("DrawAudit", pb.DrawAuditRequest(kind="prevalence", count=2**32 - 1, rows=2**63), "ask for 1 to 100000"),
        ("BoundPrevalence", pb.BoundPrevalenceRequest(pool=1, said=b"\2\2", negatives=2), "a draw of 2 images"),
        ("BoundPrevalence", pb.BoundPrevalenceRequest(pool=9, confidence=1.5), "confidence is 1.5"),
        ("JudgeAudit", pb.JudgeAuditRequest(kind="recall", confidence=2, audit=pb.Audit()), "confidence is 2"),
    ],
)
def test_bad_requests_are_one_sentence(room: Room, method: str, request_: object, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        getattr(room.stub, method)(request_)


def test_arrays_that_do_not_fit_are_refused(room: Room) -> None:
    with pytest.raises(InvalidInputError, match="7 scores do not belong to 1000 items"):
        room.assess(scores=room.short)
    with pytest.raises(InvalidInputError, match="item 1000 is named, but there are only 1000"):
        room.assess(asked=Items(item=[1000]))
    with pytest.raises(InvalidInputError, match="labelled twice"):
        room.assess(labels=Labels(item=[1, 1], positive=b"\0\1"))
    with pytest.raises(InvalidInputError, match="no audit of 'x'"):
        room.stub.DrawAudit(pb.DrawAuditRequest(kind="x", count=1, present=room.present))
    with pytest.raises(InvalidInputError, match="7 scores"):
        room.stub.ChooseThreshold(pb.ChooseThresholdRequest(scores=room.short, present=room.present, target=0.9))
    with pytest.raises((InvalidInputError, NotFoundError)):
        room.assess(present=None)


def test_the_cheapest_line_is_told_with_all_that_it_costs(room: Room) -> None:
    request = pb.ChooseThresholdRequest(scores=room.falling, present=room.present, target=0.95, found=80, lowest=0.5)
    line = room.stub.ChooseThreshold(request)
    assert line.accepted + line.review == int((FALLING[np.arange(ROWS) % 10 != 9] >= 0.5).sum())
    assert 0 < line.draws < line.accepted
    assert f"the whole takes about {line.draws + line.review:,} swipes" in line.sentence
    request.lowest = 2
    with pytest.raises(InvalidInputError, match="lowest is 2; give a share between 0 and 1"):
        room.stub.ChooseThreshold(request)
