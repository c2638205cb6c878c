"""The trainer behind a real server: every call, its answer, and its sentence for bad input."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from protos import trainer_pb2 as pb
from protos.common_pb2 import Artifact, Encoder, Head, Labels
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from protos.wire import to_labels
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.final_model import load

Put = Callable[[str, Any], Artifact]


def parameters(**more: Any) -> pb.TrainingParameters:
    values: dict[str, Any] = {
        "kind": "SSLEvaluator",
        "hidden_dim": 32,
        "dropout": 0.1,
        "lr": 0.1,
        "momentum": 0.9,
        "scheduler": "cosine",
        "epochs": 6,
        "batch_size": 32,
        "validation_share": 0.2,
        "seed": 3,
        "encoder_lr": 1e-3,
        "train_encoder": True,
        "device": "cpu",
    }
    return pb.TrainingParameters(**{**values, **more})


def head_request(vectors: Artifact, labels: Any, /, **more: Any) -> pb.TrainHeadRequest:
    values = {"run": "r1", "vectors": vectors, "labels": to_labels(*labels), "parameters": parameters()}
    return pb.TrainHeadRequest(**{**values, **more})


@pytest.fixture
def encoder(store: ArtifactStore) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("minicnn", 24)
    spec = EncoderSpec("minicnn", 24, 16)
    artifact, _ = store.once("encoders/mini.safetensors", lambda path: save_encoder(path, network, spec))
    return Encoder(artifact=artifact, architecture="minicnn", dim=24, image_size=16)


def test_labels_to_head_to_scores(trainer: Any, store: ArtifactStore, vectors: Artifact, pool: Any, auc: Any) -> None:
    answer = trainer.TrainHead(head_request(vectors, pool.labels(200)))
    assert (answer.run, answer.head.kind, answer.head.dim) == ("r1", "SSLEvaluator", 16)
    assert answer.validation.images == 40
    assert answer.best_epoch >= 1
    assert trainer.TrainHead(head_request(vectors, pool.labels(200), run="r2")).head == answer.head
    scored = trainer.Score(pb.ScoreRequest(run="r1", head=answer.head, vectors=vectors))
    assert scored.run == "r1"
    assert auc(np.load(store.open(scored.scores))[200:], pool.positive[200:]) > 0.95


def test_the_order_of_labels_does_not_matter(trainer: Any, vectors: Artifact, pool: Any) -> None:
    items, positive = pool.labels(80)
    order = np.random.default_rng(1).permutation(80)
    shuffled = head_request(vectors, (items[order], positive[order]))
    assert trainer.TrainHead(shuffled).head == trainer.TrainHead(head_request(vectors, pool.labels(80))).head


def test_rounds_carry_on_and_absent_numbers_are_not_a_number(trainer: Any, vectors: Artifact, pool: Any) -> None:
    first = trainer.TrainHead(head_request(vectors, pool.labels(10)))
    assert math.isnan(first.validation.f1)
    second = trainer.TrainHead(head_request(vectors, pool.labels(20), parent=first.head))
    alone = trainer.TrainHead(head_request(vectors, pool.labels(20)))
    assert second.head.artifact.sha256 != alone.head.artifact.sha256


def test_calls_at_the_same_time_get_their_own_answers(trainer: Any, vectors: Artifact, pool: Any) -> None:
    def ask(count: int) -> pb.TrainHeadResponse:
        return trainer.TrainHead(head_request(vectors, pool.labels(count), run=str(count)))

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, [40, 50, 60, 40, 50, 60]))
    assert [answer.run for answer in answers] == ["40", "50", "60"] * 2
    assert [answer.head for answer in answers[:3]] == [answer.head for answer in answers[3:]]


def fine_tune(encoder: Encoder, images: Any, **more: Any) -> pb.FineTuneRequest:
    labels = to_labels(np.arange(24, dtype=np.uint64), images.positive)
    values = {"run": "r1", "encoder": encoder, "catalog": images.catalog, "labels": labels, "parameters": parameters()}
    return pb.FineTuneRequest(**{**values, **more})


def test_fine_tuning_and_export(trainer: Any, store: ArtifactStore, encoder: Encoder, images: Any) -> None:
    tuned = trainer.FineTune(fine_tune(encoder, images))
    assert (tuned.run, tuned.encoder.dim, tuned.encoder.image_size) == ("r1", 24, 16)
    assert tuned.encoder.architecture == EncoderSpec("minicnn", 24, 16).architecture
    assert tuned.encoder.artifact.sha256 != encoder.artifact.sha256
    exported = trainer.Export(pb.ExportRequest(run="r1", encoder=tuned.encoder, head=tuned.head, positive_name="red"))
    assert exported.run == "r1"
    model = load(store.open(exported.model))
    assert model.classify(images.folder / "00.png").label in ("red", "not red")
    assert model.threshold == 0.5
    strict = trainer.Export(pb.ExportRequest(encoder=tuned.encoder, head=tuned.head, threshold=0.9))
    assert load(store.open(strict.model)).threshold == 0.9
    frozen = trainer.FineTune(fine_tune(encoder, images, parameters=parameters(train_encoder=False)))
    assert frozen.encoder.artifact == encoder.artifact


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vectors": Artifact()}, "names no vectors"),
        ({"labels": Labels()}, "no labels to train on"),
        ({"labels": Labels(item=[400], positive=b"\1")}, "item 400 is labelled, but there are only 400"),
        ({"labels": Labels(item=[2**64 - 1], positive=b"\1")}, "item 18446744073709551615 is labelled"),
        ({"labels": Labels(item=[1, 1], positive=b"\1\0")}, "item 1 is labelled twice"),
        ({"labels": Labels(item=[1], positive=b"\2")}, "neither 0 nor 1"),
        ({"labels": Labels(item=[1, 2], positive=b"\1")}, "2 items with 1 labels"),
        ({"parameters": pb.TrainingParameters()}, "no head of kind ''"),
        ({"parameters": parameters(kind="MLP")}, "no head of kind 'MLP'"),
        (
            {"parameters": parameters(hidden_dim=65_536)},
            "hidden_dim of 65536 has more than 67108864 weights.* smaller one",
        ),
        ({"parameters": parameters(lr=0)}, "learning rate of 0 "),
        ({"parameters": parameters(lr=math.nan)}, "learning rate of nan"),
        ({"parameters": parameters(scheduler="linear")}, "'linear'; it takes cosine or step"),
        ({"parameters": parameters(epochs=0)}, "number of epochs of 0"),
        ({"parameters": parameters(dropout=1)}, "dropout of 1"),
    ],
)
def test_requests_that_cannot_be_met_get_one_sentence(
    trainer: Any, vectors: Artifact, pool: Any, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        trainer.TrainHead(head_request(vectors, pool.labels(40), **change))
    assert "\n" not in str(caught.value)


def test_the_largest_seed_is_one(trainer: Any, vectors: Artifact, pool: Any) -> None:
    assert trainer.TrainHead(head_request(vectors, pool.labels(40), parameters=parameters(seed=2**64 - 1))).best_epoch


def test_labels_of_quarantined_items(trainer: Any, put: Put, pool: Any) -> None:
    holes, there = pool.vectors.copy(), np.arange(400) >= 5
    holes[~there] = 0
    vectors, present = put("vectors/holes.npy", holes), put("present/holes.npy", there)
    trained = trainer.TrainHead(head_request(vectors, pool.labels(40), present=present))
    assert trained.best_epoch == 6
    assert trainer.TrainHead(head_request(vectors, pool.labels(40))).head != trained.head
    with pytest.raises(InvalidInputError, match="none of the 5 labelled items has an embedding"):
        trainer.TrainHead(head_request(vectors, pool.labels(5), present=present))
    assert trainer.TrainHead(head_request(vectors, pool.labels(5))).best_epoch == 6, "an embedding of zeros is one"


def test_scores_of_what_does_not_go_together(
    trainer: Any, store: ArtifactStore, vectors: Artifact, put: Put, pool: Any
) -> None:
    head = trainer.TrainHead(head_request(vectors, pool.labels(40))).head
    narrow = put("vectors/narrow.npy", pool.vectors[:, :5].copy())
    with pytest.raises(InvalidInputError, match="16 numbers, these have 5"):
        trainer.Score(pb.ScoreRequest(head=head, vectors=narrow))
    with pytest.raises(InvalidInputError, match="names no head"):
        trainer.Score(pb.ScoreRequest(vectors=vectors))
    with pytest.raises(DamagedError, match="is no head"):
        trainer.Score(pb.ScoreRequest(head=Head(artifact=vectors), vectors=vectors))
    path = store.open(head.artifact)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedError, match="damaged"):
        trainer.Score(pb.ScoreRequest(head=head, vectors=vectors))
    shutil.rmtree(store.root / "heads")
    with pytest.raises(NotFoundError, match="is not in the store"):
        trainer.Score(pb.ScoreRequest(head=head, vectors=vectors))


def test_fine_tuning_that_cannot_be_done(trainer: Any, encoder: Encoder, images: Any, vectors: Artifact) -> None:
    with pytest.raises(InvalidInputError, match="names no catalog"):
        trainer.FineTune(fine_tune(encoder, images, catalog=Artifact()))
    with pytest.raises(InvalidInputError, match="names no encoder"):
        trainer.FineTune(fine_tune(Encoder(), images))
    with pytest.raises(InvalidInputError, match="is no catalog"):
        trainer.FineTune(fine_tune(encoder, images, catalog=vectors))
    with pytest.raises(InvalidInputError, match="'tpu'"):
        trainer.FineTune(fine_tune(encoder, images, parameters=parameters(device="tpu")))
    with pytest.raises(DamagedError):
        trainer.FineTune(fine_tune(Encoder(artifact=vectors), images))


def test_an_export_needs_a_pair_that_belongs_together(
    trainer: Any, encoder: Encoder, vectors: Artifact, pool: Any
) -> None:
    head = trainer.TrainHead(head_request(vectors, pool.labels(40))).head
    with pytest.raises(InvalidInputError, match="gives 24 numbers, the head takes 16"):
        trainer.Export(pb.ExportRequest(encoder=encoder, head=head))
    with pytest.raises(InvalidInputError, match=r"threshold of 1\.5 is not between 0 and 1"):
        trainer.Export(pb.ExportRequest(encoder=encoder, head=head, threshold=1.5))
    with pytest.raises(InvalidInputError, match="names no head"):
        trainer.Export(pb.ExportRequest(encoder=encoder))
