"""Labels to heads: what is learnt, from how little, at which scale, and that it is the same every time."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.trainer.head_training import HeadRequest, TrainedHead, train_head
from services.trainer.heads import Head, HeadRecord, head_bytes, load_head
from services.trainer.parameters import Parameters
from services.trainer.scoring import probabilities

QUICK = Parameters(epochs=8, hidden_dim=32, seed=3)
Put = Callable[[str, Any], Artifact]
Auc = Callable[[Any, Any], float]


def train(
    store: ArtifactStore, vectors: Artifact, labels: Any, parent: Artifact | None = None, **more: Any
) -> TrainedHead:
    present = more.pop("present", None)
    return train_head(store, HeadRequest(vectors, labels, replace(QUICK, **more), parent, 17, present))


def weights_of(store: ArtifactStore, trained: TrainedHead) -> dict[str, list[float]]:
    head, _ = load_head(store.open(trained.artifact))
    return {name: tensor.flatten().tolist() for name, tensor in head.state_dict().items()}


def scores(store: ArtifactStore, trained: TrainedHead, vectors: Any) -> Any:
    head, _ = load_head(store.open(trained.artifact))
    return probabilities(head, vectors, np.ones(len(vectors), dtype=bool))


@pytest.mark.parametrize(("kind", "hidden"), [("SSLEvaluator", 32), ("SSLEvaluator", 0), ("SSLEvaluatorOneLayer", 32)])
def test_what_can_be_told_apart_is(
    store: ArtifactStore, vectors: Artifact, pool: Any, auc: Auc, kind: str, hidden: int
) -> None:
    trained = train(store, vectors, pool.labels(200), kind=kind, hidden_dim=hidden, epochs=20)
    rest = slice(200, None)
    assert auc(scores(store, trained, pool.vectors)[rest], pool.positive[rest]) > 0.97
    assert trained.note.quality.images == 40
    assert trained.note.quality.accuracy > 0.9
    assert 1 <= trained.note.best_epoch <= 20
    assert trained.shape.kind == kind


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 30.0, 1e4, 1e9])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_embeddings_of_any_scale_and_place_are_learnt_from(
    store: ArtifactStore, put: Put, pool: Any, auc: Auc, scale: float, offset: float
) -> None:
    moved = ((pool.vectors + offset) * scale).astype(np.float32)
    vectors, parent = put("vectors/moved.npy", moved), None
    for labels in range(40, 221, 60):
        trained = train(store, vectors, pool.labels(labels), parent, epochs=5, lr=0.1, hidden_dim=128)
        parent = trained.artifact
    found = scores(store, trained, moved)
    assert np.isfinite(found).all()
    assert auc(found[220:], pool.positive[220:]) > 0.9


def test_embeddings_of_an_ordinary_scale_are_taken_as_they_are(store: ArtifactStore, put: Put, pool: Any) -> None:
    usual = train(store, put("vectors/usual.npy", pool.vectors), pool.labels(60))
    head, _ = load_head(store.open(usual.artifact))
    assert float(head.scale) == 1
    assert not head.shift.any()
    unusual = train(store, put("vectors/unusual.npy", pool.vectors * 1000), pool.labels(60))
    head, _ = load_head(store.open(unusual.artifact))
    assert float(head.scale) < 0.1


@pytest.mark.parametrize("lr", [5.0, 100.0])
def test_a_rate_that_is_far_too_high_ends_in_a_head_all_the_same(
    store: ArtifactStore, vectors: Artifact, pool: Any, auc: Auc, lr: float
) -> None:
    trained = train(store, vectors, pool.labels(200), lr=lr)
    found = scores(store, trained, pool.vectors)
    assert np.ptp(found) > 1e-3
    _, record = load_head(store.open(trained.artifact))
    assert record.lr <= lr


def test_a_rate_beyond_all_reason_gets_one_sentence(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"learning rate of 1e\+38 or a thousandth of it; set a lower one"):
        train(store, vectors, pool.labels(50), lr=1e38)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 14])
def test_few_labels_are_enough_for_a_head(store: ArtifactStore, vectors: Artifact, pool: Any, count: int) -> None:
    trained = train(store, vectors, pool.labels(count))
    assert np.isfinite(scores(store, trained, pool.vectors)).all()
    assert trained.note.quality.images == 0
    assert all(math.isnan(value) for value in (trained.note.quality.f1, trained.note.quality.loss))
    assert trained.note.best_epoch == QUICK.epochs


@pytest.mark.parametrize("positive", [True, False])
def test_one_class_alone_gives_a_head_that_leans_to_it(
    store: ArtifactStore, vectors: Artifact, pool: Any, positive: bool
) -> None:
    trained = train(store, vectors, (np.arange(40, dtype=np.uint64), np.full(40, positive)))
    found = scores(store, trained, pool.vectors)
    assert np.isfinite(found).all()
    assert (np.median(found) > 0.5) == positive


def test_equal_inputs_give_equal_bytes_in_another_store_too(
    tmp_path: Path, store: ArtifactStore, vectors: Artifact, pool: Any
) -> None:
    first = train(store, vectors, pool.labels(100))
    other = ArtifactStore(tmp_path / "other")
    other.put_file(vectors.path, store.open(vectors))
    torch.manual_seed(12345)
    second = train(other, vectors, pool.labels(100))
    assert second.artifact == first.artifact
    assert repr(second.note.quality) == repr(first.note.quality)


def test_a_repeated_request_finds_its_answer(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    first = train(store, vectors, pool.labels(100))
    before = store.open(first.artifact).stat().st_mtime_ns
    assert repr(train(store, vectors, pool.labels(100))) == repr(first)  # seconds included; nan equals no nan
    assert store.open(first.artifact).stat().st_mtime_ns == before


def test_a_head_whose_note_was_lost_is_trained_again_to_the_same(
    store: ArtifactStore, vectors: Artifact, pool: Any
) -> None:
    first = train(store, vectors, pool.labels(60))
    for note in (store.root / "heads").glob("*.json*"):
        note.unlink()
    second = train(store, vectors, pool.labels(60))
    assert second.artifact == first.artifact
    assert second.note.quality.images == first.note.quality.images


def test_every_input_is_part_of_the_name(store: ArtifactStore, vectors: Artifact, put: Put, pool: Any) -> None:
    labels = pool.labels(30)
    base = HeadRequest(vectors, labels, QUICK, None, 17)
    turned = (labels[0], ~labels[1])
    others = [
        replace(base, vectors=put("vectors/other.npy", pool.vectors + 1)),
        replace(base, labels=pool.labels(29)),
        replace(base, labels=turned),
        replace(base, parameters=replace(QUICK, lr=0.2)),
        replace(base, parameters=replace(QUICK, seed=4)),
        replace(base, parent=vectors),
        replace(base, label_position=18),
        replace(base, present=put("present/all.npy", np.ones(400, dtype=bool))),
        replace(base, present=put("present/some.npy", np.arange(400) != 7)),
    ]
    assert len({base.name, *(other.name for other in others)}) == len(others) + 1


def test_heads_trained_at_the_same_time_do_not_disturb_each_other(
    store: ArtifactStore, vectors: Artifact, tmp_path: Path, pool: Any
) -> None:
    alone = [train(store, vectors, pool.labels(80), seed=seed, dropout=0.4) for seed in range(4)]
    other = ArtifactStore(tmp_path / "other")
    other.put_file(vectors.path, store.open(vectors))
    with ThreadPoolExecutor(4) as threads:
        together = list(
            threads.map(lambda seed: train(other, vectors, pool.labels(80), seed=seed, dropout=0.4), range(4))
        )
    assert [trained.artifact for trained in together] == [trained.artifact for trained in alone]
    assert len({trained.artifact.sha256 for trained in alone}) == 4


def test_a_head_is_carried_on(store: ArtifactStore, vectors: Artifact, pool: Any) -> None:
    parent = train(store, vectors, pool.labels(60))
    still = train(store, vectors, pool.labels(60), parent.artifact, lr=1e-12, final_lr=0.0, momentum=0.0)
    before, _ = load_head(store.open(parent.artifact))
    after, record = load_head(store.open(still.artifact))
    for name, tensor in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], tensor)
    assert record.parent == parent.artifact.sha256
    assert (record.seed, record.label_position) == (3, 17)


@pytest.mark.parametrize("change", [{"hidden_dim": 16}, {"kind": "SSLEvaluatorOneLayer"}])
def test_a_parent_of_another_shape_is_left_behind(
    store: ArtifactStore, vectors: Artifact, pool: Any, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    parent = train(store, vectors, pool.labels(60))
    with caplog.at_level("INFO"):
        child = train(store, vectors, pool.labels(60), parent.artifact, **change)
    assert "starting afresh" in caplog.text
    assert load_head(store.open(child.artifact))[1].parent == ""
    assert np.ptp(scores(store, child, pool.vectors)) > 1e-3


def test_a_dead_parent_is_left_behind(store: ArtifactStore, vectors: Artifact, pool: Any, auc: Auc) -> None:
    dead = Head(QUICK.shape(16))
    with torch.no_grad():
        dead.layers[1].weight.zero_()
        dead.layers[1].bias.fill_(-10)
    parent = store.put("heads/dead.safetensors", head_bytes(dead, HeadRecord(dead.shape, "", 0, 0, 0.1, 1)))
    child = train(store, vectors, pool.labels(200), parent)
    assert auc(scores(store, child, pool.vectors)[200:], pool.positive[200:]) > 0.9
    assert load_head(store.open(child.artifact))[1].parent == "", "it was started afresh"


def test_labels_of_items_without_an_embedding_are_left_out(
    store: ArtifactStore, put: Put, pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    items, positive = pool.labels(60)
    holes, there = pool.vectors.copy(), np.ones(400, dtype=bool)
    holes[[2, 3]], there[[2, 3]] = np.nan, False  # whatever stands there is not looked at
    vectors, present = put("vectors/holes.npy", holes), put("present/holes.npy", there)
    trained = train(store, vectors, (items, positive), present=present)
    assert "2 labelled items have no embedding" in caplog.text
    assert np.isfinite(scores(store, trained, pool.vectors)).all()
    others = train(store, vectors, (items[there[:60]], positive[there[:60]]), present=present)
    assert weights_of(store, others) == weights_of(store, trained)


@pytest.mark.parametrize("masked", [False, True])
def test_an_embedding_of_zeros_is_one(
    store: ArtifactStore, put: Put, pool: Any, masked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    dark = pool.vectors.copy()
    dark[pool.positive] = 0
    present = put("present/all.npy", np.ones(400, dtype=bool)) if masked else None
    trained = train(store, put("vectors/dark.npy", dark), pool.labels(100), present=present, epochs=20)
    assert "no embedding" not in caplog.text
    assert trained.note.quality.images == 20
    found = scores(store, trained, dark)
    assert found[pool.positive].min() > found[~pool.positive].mean() + 0.2


def test_what_cannot_be_trained_on_gets_one_sentence(
    store: ArtifactStore, vectors: Artifact, put: Put, pool: Any
) -> None:
    with pytest.raises(InvalidInputError, match="no labels to train on"):
        train(store, vectors, pool.labels(0))
    with pytest.raises(InvalidInputError, match="item 400 is labelled, but there are only 400"):
        train(store, vectors, (np.array([5, 400], dtype=np.uint64), np.array([True, False])))
    with pytest.raises(InvalidInputError, match="none of the 60 labelled items has an embedding"):
        train(store, vectors, pool.labels(60), present=put("present/late.npy", np.arange(400) >= 60))
    with pytest.raises(InvalidInputError, match="400 embeddings with a mask of 399 items are no generation"):
        train(store, vectors, pool.labels(60), present=put("present/short.npy", np.ones(399, dtype=bool)))
    broken = pool.vectors.copy()
    broken[7, 1] = np.nan
    with pytest.raises(InvalidInputError, match="embedding of item 7 is not finite"):
        train(store, put("vectors/nan.npy", broken), pool.labels(60))


def test_damaged_or_missing_inputs_are_said_to_be(store: ArtifactStore, vectors: Artifact, put: Put, pool: Any) -> None:
    with pytest.raises(DamagedError):
        train(store, put("vectors/double.npy", pool.vectors.astype(np.float64)), pool.labels(60))
    with pytest.raises(DamagedError):
        train(store, vectors, pool.labels(60), present=vectors)
    with pytest.raises(DamagedError, match="is no head"):
        train(store, vectors, pool.labels(60), vectors)
    shutil.rmtree(store.root / "vectors")
    with pytest.raises(NotFoundError):
        train(store, vectors, pool.labels(60))
