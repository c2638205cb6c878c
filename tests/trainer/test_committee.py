"""Committees: members that differ where labels do not decide, and that are the same every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from protos import trainer_pb2 as pb
from protos.common_pb2 import Artifact, Head
from protos.errors import InvalidInputError
from protos.wire import to_labels
from services.common.artifacts import ArtifactStore
from services.trainer.committee import CommitteeRequest, bayesian_weights, score_committee
from services.trainer.head_training import HeadRequest, train_head
from services.trainer.parameters import Parameters

Put = Callable[[str, Any], Artifact]
BASE = Parameters(kind="logistic")


def head_of(store: ArtifactStore, vectors: Artifact, pool: Any, count: int = 100, **more: Any) -> Artifact:
    return train_head(store, HeadRequest(vectors, pool.labels(count), replace(BASE, **more), None, 1)).artifact


def ask(store: ArtifactStore, vectors: Artifact, head: Artifact, pool: Any, kind: str, **more: Any) -> Any:
    labels = more.pop("labels", pool.labels(100)) if kind == "bootstrap" else None
    request = CommitteeRequest(kind, 6, 3, head, vectors, None, labels, 10.0 if labels else 0.0)
    return np.load(store.open(score_committee(store, replace(request, **more))[0]))


@pytest.mark.parametrize("kind", ["bootstrap", "dropout"])
def test_every_member_has_an_opinion_of_its_own(
    store: ArtifactStore, vectors: Artifact, pool: Any, auc: Any, kind: str
) -> None:
    found = ask(store, vectors, head_of(store, vectors, pool), pool, kind)
    assert (found.dtype, found.shape) == (np.float32, (6, 400))
    assert ((found > 0) & (found < 1)).all()
    assert len({member.tobytes() for member in found}) == 6
    assert auc(found.mean(axis=0)[100:], pool.positive[100:]) > 0.95


def test_more_labels_agree_more(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    spread = []
    for count in (20, 300):
        head = head_of(store, vectors, pool, 300)
        spread.append(ask(store, vectors, head, pool, "bootstrap", labels=pool.labels(count)).std(axis=0).mean())
    assert spread[1] < 0.7 * spread[0]


@pytest.mark.parametrize("kind", ["SSLEvaluator", "SSLEvaluatorOneLayer"])
def test_dropout_asks_heads_of_the_original_too(
    store: ArtifactStore, vectors: Artifact, pool: Any, auc: Any, kind: str
) -> None:
    head = head_of(store, vectors, pool, kind=kind, epochs=10, hidden_dim=16)
    found = ask(store, vectors, head, pool, "dropout", members=20)
    assert auc(found.mean(axis=0), pool.positive) > 0.9
    with pytest.raises(
        InvalidInputError, match=f"one of logistic heads, this one is {kind}; set head.kind to logistic"
    ):
        ask(store, vectors, head, pool, "bootstrap")


def test_items_without_an_embedding_have_no_opinions(
    store: ArtifactStore, vectors: Artifact, put: Put, pool: Any
) -> None:
    present = np.arange(400) % 9 != 0
    head = head_of(store, vectors, pool)
    for kind in ("bootstrap", "dropout"):
        found = ask(store, vectors, head, pool, kind, present=put("p.npy", present))
        assert np.array_equal(np.isnan(found), np.broadcast_to(~present, (6, 400)))


def test_the_name_holds_every_input_and_the_bits_follow_from_it(
    store: ArtifactStore, vectors: Artifact, put: Put, pool: Any
) -> None:
    head = head_of(store, vectors, pool)
    base = CommitteeRequest("bootstrap", 4, 1, head, vectors, None, pool.labels(100), 10.0)
    others = [
        replace(base, kind="dropout"),
        replace(base, members=5),
        replace(base, seed=2),
        replace(base, head=vectors),
        replace(base, vectors=head),
        replace(base, present=put("p.npy", np.ones(400, dtype=bool))),
        replace(base, labels=pool.labels(99)),
        replace(base, c=1.0),
    ]
    assert len({base.name, *(other.name for other in others)}) == len(others) + 1
    first, _ = score_committee(store, base)
    store.remove(first.path)
    assert score_committee(store, base)[0] == first


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_has_a_committee(store: ArtifactStore, vectors: Artifact, pool: Any, positive: bool) -> None:
    labels = (np.arange(10, dtype=np.uint64), np.full(10, positive))
    found = ask(store, vectors, head_of(store, vectors, pool), pool, "bootstrap", labels=labels)
    assert len({member.tobytes() for member in found}) == 6
    assert (np.median(found) > 0.5) == positive


def test_weights_keep_the_balance_of_the_classes() -> None:
    positive = np.arange(50) < 3
    weights = bayesian_weights(positive, 8, 1)
    np.testing.assert_allclose(weights[:, positive].sum(axis=1), 3, rtol=1e-5)
    np.testing.assert_allclose(weights[:, ~positive].sum(axis=1), 47, rtol=1e-5)
    assert (weights[:, positive] > 0).all(), "every positive has a part in every member"


def test_the_call(trainer: Any, store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    head = Head(artifact=head_of(store, vectors, pool), kind="logistic", dim=16)
    parameters = pb.TrainingParameters(kind="logistic")
    request = pb.ScoreCommitteeRequest(
        run="r", kind="bootstrap", head=head, vectors=vectors, labels=to_labels(*pool.labels(60)), parameters=parameters
    )
    answer = trainer.ScoreCommittee(request)
    assert answer.run == "r"
    assert np.load(store.open(answer.scores)).shape == (10, 400)
    assert trainer.ScoreCommittee(request).scores == answer.scores
    dropout = pb.ScoreCommitteeRequest(kind="dropout", members=3, head=head, vectors=vectors)
    assert np.load(store.open(trainer.ScoreCommittee(dropout).scores)).shape == (3, 400)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "forest"}, "no committee of kind 'forest'; it takes bootstrap or dropout"),
        ({"members": 101}, "a committee of 101 members"),
        ({"head": Head()}, "names no head"),
        ({"vectors": Artifact()}, "names no vectors"),
        ({"labels": None}, "no labels to train on"),
        ({"parameters": pb.TrainingParameters(kind="logistic", c=-1)}, "c of -1"),
    ],
)
def test_committees_that_cannot_be_had_get_one_sentence(
    trainer: Any, store: ArtifactStore, vectors: Artifact, pool: Any, change: dict[str, Any], sentence: str
) -> None:
    values: dict[str, Any] = {
        "kind": "bootstrap",
        "head": Head(artifact=head_of(store, vectors, pool)),
        "vectors": vectors,
        "labels": to_labels(*pool.labels(60)),
        "parameters": pb.TrainingParameters(kind="logistic"),
    }
    with pytest.raises(InvalidInputError, match=sentence):
        trainer.ScoreCommittee(pb.ScoreCommitteeRequest(**{**values, **change}))


def test_embeddings_of_another_length_are_refused(store: ArtifactStore, vectors: Artifact, put: Put, pool: Any) -> None:
    narrow = put("narrow.npy", pool.vectors[:, :5].copy())
    with pytest.raises(InvalidInputError, match="16 numbers, these have 5"):
        ask(store, narrow, head_of(store, vectors, pool), pool, "dropout")
