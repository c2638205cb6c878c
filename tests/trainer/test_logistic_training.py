"""Logistic heads from labels to scores: as good as the reference, judged on what they have not seen, the same every time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from protos import trainer_pb2 as pb
from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from protos.wire import to_labels
from services.common.artifacts import ArtifactStore
from services.trainer.head_training import HeadRequest, TrainedHead, train_head
from services.trainer.heads import load_head
from services.trainer.logistic_training import Doubt
from services.trainer.parameters import Parameters
from services.trainer.scoring import probabilities

BASE = Parameters(kind="logistic", seed=3)
Put = Callable[[str, Any], Artifact]


def train(store: ArtifactStore, vectors: Artifact, labels: Any, **more: Any) -> TrainedHead:
    return train_head(store, replace(HeadRequest(vectors, labels, BASE, None, 17), **more))


def scores(store: ArtifactStore, trained: TrainedHead, vectors: Any) -> Any:
    return probabilities(load_head(store.open(trained.artifact))[0], vectors, np.ones(len(vectors), dtype=bool))


@pytest.mark.parametrize("count", [20, 60, 200])
def test_the_ranking_is_that_of_scikit_learn(store: ArtifactStore, vectors: Artifact, pool: Any, count: int) -> None:
    unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
    known = LogisticRegression(C=10, class_weight="balanced", tol=1e-8).fit(unit[:count], pool.positive[:count])
    found = scores(store, train(store, vectors, pool.labels(count)), pool.vectors)
    order = np.argsort(known.decision_function(unit))
    assert np.corrcoef(np.argsort(order), np.argsort(np.argsort(found)))[0, 1] > 0.9999


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_embeddings_does_not_matter(store: ArtifactStore, put: Put, pool: Any, scale: float) -> None:
    scaled = (pool.vectors * scale).astype(np.float32)
    found = scores(store, train(store, put("scaled.npy", scaled), pool.labels(80)), scaled)
    usual = scores(store, train(store, put("usual.npy", pool.vectors), pool.labels(80)), pool.vectors)
    np.testing.assert_allclose(found, usual, atol=1e-3)


def test_out_of_fold_chances_are_calibrated_and_the_quality_is_theirs(
    store: ArtifactStore, vectors: Artifact, pool: Any
) -> None:
    trained = train(store, vectors, pool.labels(300))
    assert trained.out_of_fold is not None
    held_out = np.load(store.open(trained.out_of_fold))
    assert (held_out.dtype, held_out.shape) == (np.float32, (300,))
    assert held_out.mean() == pytest.approx(0.1, abs=0.03)
    truth = pool.positive[:300]
    loss = -np.log(np.where(truth, held_out, 1 - held_out)).mean()
    assert trained.note.quality.images == 300
    assert trained.note.quality.loss == pytest.approx(loss, rel=1e-3)


def test_labels_without_meaning_are_seen_through(store: ArtifactStore, put: Put) -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(200, 256)).astype(np.float32)
    labels = (np.arange(200, dtype=np.uint64), rng.random(200) < 0.3)
    trained = train(store, put("noise.npy", noise), labels)
    seen = scores(store, trained, noise)
    assert np.ptp(seen[labels[1]]) < 0.5, "a head that separates its labels by chance is not sure of itself"
    assert trained.note.quality.loss > 0.5


def test_a_parent_is_recorded_and_changes_nothing_else(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    alone = train(store, vectors, pool.labels(60))
    child = train(store, vectors, pool.labels(60), parent=alone.artifact)
    assert load_head(store.open(child.artifact))[1].parent == alone.artifact.sha256
    assert np.array_equal(scores(store, child, pool.vectors), scores(store, alone, pool.vectors))


def test_equal_inputs_give_equal_bytes(tmp_path: Path, store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    first = train(store, vectors, pool.labels(150))
    other = ArtifactStore(tmp_path / "other")
    other.put_file(vectors.path, store.open(vectors))
    second = train(other, vectors, pool.labels(150))
    assert (second.artifact, second.out_of_fold) == (first.artifact, first.out_of_fold)
    assert repr(train(store, vectors, pool.labels(150))) == repr(first)
    assert first.out_of_fold is not None
    store.remove(first.out_of_fold.path)
    assert train(store, vectors, pool.labels(150)).out_of_fold == first.out_of_fold


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_ranks_by_likeness(
    store: ArtifactStore, vectors: Artifact, pool: Any, auc: Any, positive: bool
) -> None:
    items = np.flatnonzero(pool.positive == positive)[:5].astype(np.uint64)
    trained = train(store, vectors, (items, np.full(5, positive)))
    found = scores(store, trained, pool.vectors)
    assert auc(found, pool.positive) > 0.8
    assert (found[items.astype(int)] > 0.5).all() == positive
    assert trained.out_of_fold is None


def test_embeddings_of_zeros_are_taken_and_those_that_float32_cannot_square_are_not(
    store: ArtifactStore, put: Put, pool: Any
) -> None:
    dark = pool.vectors.copy()
    dark[:5] = 0
    assert np.isfinite(scores(store, train(store, put("dark.npy", dark), pool.labels(50)), dark)).all()
    dark[7] = 1e30
    with pytest.raises(InvalidInputError, match=r"item 7 has a length of 4e\+30, which float32 cannot work with"):
        train(store, put("long.npy", dark), pool.labels(50))


def test_the_call_keeps_the_order_of_its_labels(
    trainer: Any, store: ArtifactStore, vectors: Artifact, put: Put, pool: Any
) -> None:
    items, positive = pool.labels(60)
    order = np.random.default_rng(1).permutation(60)
    present = put("present.npy", np.arange(400) != 4)

    def ask(rows: Any) -> Any:
        labels = to_labels(items[rows], positive[rows])
        parameters = pb.TrainingParameters(kind="logistic")
        answer = trainer.TrainHead(
            pb.TrainHeadRequest(vectors=vectors, labels=labels, parameters=parameters, present=present)
        )
        return answer.head, np.load(store.open(answer.out_of_fold))

    (head, straight), (same, shuffled) = ask(np.arange(60)), ask(order)
    assert head == same
    assert head.kind == "logistic"
    assert np.isnan(straight[4])
    np.testing.assert_array_equal(shuffled, straight[order])


def test_a_trainer_starts_and_trains_without_lightning() -> None:
    code = (
        "import services.trainer.__main__, services.trainer.servicer, sys; sys.exit('pytorch_lightning' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def slipped(pool: Any) -> tuple[Any, int]:
    """Eighty labels of which one no is called yes, and its item."""
    items, positive = pool.labels(80)
    wrong = int(np.flatnonzero(~positive)[5])
    positive = positive.copy()
    positive[wrong] = True
    return (items, positive), wrong


def test_a_yes_that_is_held_back_leaves_the_head_as_if_it_had_not_been_given(
    store: ArtifactStore, vectors: Artifact, pool: Any
) -> None:
    labels, wrong = slipped(pool)
    others = labels[0] != wrong
    without = scores(store, train(store, vectors, (labels[0][others], labels[1][others])), pool.vectors)
    doubted = train(store, vectors, labels, doubt=Doubt(labels[0], 0.2))
    assert doubted.note.held_back == 1
    found = scores(store, doubted, pool.vectors)
    assert np.corrcoef(found.argsort().argsort(), without.argsort().argsort())[0, 1] > 0.9999, "another ranking"
    deceived = scores(store, train(store, vectors, labels), pool.vectors)
    assert found[wrong] < 0.1 < deceived[wrong]
    assert doubted.out_of_fold is not None and np.isfinite(np.load(store.open(doubted.out_of_fold))).all()


@pytest.mark.parametrize(
    "doubt",
    [Doubt(np.array([3], dtype=np.uint64), 0.0), Doubt(np.array([4, 900], dtype=np.uint64), 0.9), None],
    ids=["nothing is below 0", "a no, and an item without a label", "none"],
)
def test_what_is_believed_a_no_and_other_items_are_not_held_back(
    store: ArtifactStore, vectors: Artifact, pool: Any, doubt: Doubt | None
) -> None:
    plain = train(store, vectors, pool.labels(80))
    trained = train(store, vectors, pool.labels(80), doubt=doubt)
    assert trained.note.held_back == 0
    assert np.array_equal(scores(store, trained, pool.vectors), scores(store, plain, pool.vectors))


def test_two_positives_are_always_learned_from(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    items, positive = pool.labels(80)
    some = positive & (np.cumsum(positive) <= 3) | ~positive
    labels = (items[some], positive[some])
    assert train(store, vectors, labels, doubt=Doubt(items, 0.99999)).note.held_back == 0


def test_the_call_holds_back_what_it_names(trainer: Any, vectors: Artifact, pool: Any) -> None:
    labels, wrong = slipped(pool)

    def ask(**more: Any) -> Any:
        parameters = pb.TrainingParameters(kind="logistic")
        return trainer.TrainHead(
            pb.TrainHeadRequest(vectors=vectors, labels=to_labels(*labels), parameters=parameters, **more)
        )

    plain, held = ask(), ask(doubted=[wrong], believed_from=0.3)
    assert (plain.held_back, held.held_back) == (0, 1)
    assert plain.head != held.head
    assert ask(believed_from=0.3) == plain, "nothing is doubted, so it is the same work"
    assert ask(doubted=[wrong], believed_from=0.3).held_back == 1  # found, not trained once more
    with pytest.raises(InvalidInputError, match=r"believed_from is 1; .* from 0 .* to below 1"):
        ask(doubted=[wrong], believed_from=1.0)
    with pytest.raises(InvalidInputError, match="believed_from is nan"):
        ask(doubted=[wrong], believed_from=float("nan"))
