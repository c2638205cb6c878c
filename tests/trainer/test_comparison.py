"""Fine-tuning is kept where it helps, and refused where it does not or cannot be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score

from protos import trainer_pb2 as pb
from protos.common_pb2 import Artifact, Encoder
from protos.wire import to_labels
from services.common.artifacts import ArtifactStore
from services.common.catalog import Catalog
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.arrays import put_array
from services.trainer.comparison import average_precision
from services.trainer.fine_tuning import FineTuned, FineTuneRequest, fine_tune
from services.trainer.head_training import train_head
from services.trainer.heads import load_head
from services.trainer.joint_fitting import embed
from services.trainer.labelled_images import read_labelled
from services.trainer.parameters import Parameters
from tests.trainer.conftest import publish_catalog

CPU = torch.device("cpu")
QUICK = Parameters(kind="logistic", epochs=20, batch_size=8, lr=0.02, encoder_lr=0.02, seed=2)
COUNT = 60


class Checks:
    """60 images, a third of them (positive) with fine vertical stripes, the others with horizontal ones, in noise."""

    def __init__(self, store: ArtifactStore, folder: Path) -> None:
        folder.mkdir()
        chance = np.random.default_rng(11)
        self.labels = (np.arange(COUNT, dtype=np.uint64), np.arange(COUNT) % 3 == 0)
        for item, upright in enumerate(self.labels[1]):
            wave = np.tile([0, 70], 8)
            stripes = np.broadcast_to(wave if upright else wave[:, None], (16, 16))
            pixels = chance.integers(0, 180, (16, 16, 3)) + stripes[..., None]
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{item:02d}.png")
        self.catalog = publish_catalog(store, folder, "catalogs/checks.sqlite")
        spec = EncoderSpec("minicnn", 24, 16)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            network = build_network("minicnn", 24)
        self.encoder, _ = store.once("encoders/mini.safetensors", lambda path: save_encoder(path, network, spec))
        with Catalog(store.open(self.catalog)) as catalog:
            pixels, labels = read_labelled(catalog, self.labels, spec)
        self.vectors = put_array(store, "vectors/checks.npy", embed(network, pixels, labels, CPU))

    def request(self, labels: Any = None, vectors: Artifact | None = None, **more: Any) -> FineTuneRequest:
        asked = labels or self.labels
        return FineTuneRequest(
            self.encoder, self.catalog, asked, replace(QUICK, **more), None, 5, vectors=vectors or self.vectors
        )


@pytest.fixture
def checks(store: ArtifactStore, tmp_path: Path) -> Checks:
    return Checks(store, tmp_path / "checks")


def tune(store: ArtifactStore, request: FineTuneRequest) -> FineTuned:
    return fine_tune(store, request, CPU)


def test_an_encoder_that_is_better_is_kept(store: ArtifactStore, checks: Checks) -> None:
    tuned = tune(store, checks.request())
    assert tuned.note.verdict.startswith("kept: out-of-fold average precision "), tuned.note.verdict
    assert tuned.note.verdict.endswith(" on 60 labels")
    assert not tuned.note.refused
    assert tuned.encoder != checks.encoder
    assert tuned.note.quality.images == COUNT
    head, record = load_head(store.open(tuned.head))
    assert (record.shape.kind, record.c) == ("logistic", 10.0)
    spec, network = load_encoder(store.open(tuned.encoder))
    with Catalog(store.open(checks.catalog)) as catalog:
        pixels, labels = read_labelled(catalog, checks.labels, spec)
    with torch.no_grad():
        logits = head(torch.from_numpy(embed(network, pixels, labels, CPU)))
    assert average_precision_score(checks.labels[1], logits.numpy()) > 0.95
    assert repr(tune(store, checks.request())) == repr(tuned)


@pytest.mark.parametrize("kind", ["logistic", "SSLEvaluatorOneLayer"])
def test_one_that_is_no_better_is_refused_and_the_head_is_that_of_the_old_one(
    store: ArtifactStore, checks: Checks, kind: str
) -> None:
    request = checks.request(kind=kind, encoder_lr=0.0, epochs=2)  # nothing moves, nothing is gained
    if kind != "logistic":
        request = checks.request(kind=kind, encoder_lr=30.0, epochs=1)  # what there was is lost
    tuned = tune(store, request)
    assert tuned.note.refused, tuned.note.verdict
    assert tuned.note.verdict.startswith("refused: out-of-fold average precision ")
    assert tuned.encoder == checks.encoder
    assert tuned.head == train_head(store, request.frozen_head).artifact
    assert repr(tune(store, request)) == repr(tuned)


def test_too_few_labels_to_compare_leave_the_encoder_as_it_is(store: ArtifactStore, checks: Checks) -> None:
    few = (checks.labels[0][:15], checks.labels[1][:15])
    tuned = tune(store, checks.request(labels=few))
    assert tuned.note.verdict == ("refused: with 5 labels of a class nothing can be compared; label at least 6 of each")
    assert tuned.encoder == checks.encoder


def test_without_vectors_nothing_is_compared(store: ArtifactStore, checks: Checks) -> None:
    tuned = tune(store, replace(checks.request(epochs=1), vectors=None))
    assert (tuned.note.verdict, tuned.note.refused) == ("", False)
    assert tuned.encoder != checks.encoder
    assert tuned.shape.kind == "logistic"


def test_a_frozen_encoder_is_not_compared_with_itself(store: ArtifactStore, checks: Checks) -> None:
    tuned = tune(store, checks.request(train_encoder=False))
    assert (tuned.note.verdict, tuned.encoder) == ("", checks.encoder)
    assert load_head(store.open(tuned.head))[1].shape.kind == "logistic"


def test_vectors_are_part_of_the_name(store: ArtifactStore, checks: Checks) -> None:
    other = put_array(store, "vectors/other.npy", np.ones((COUNT, 24), dtype=np.float32))
    base = checks.request()
    keys = {
        base.key,
        replace(base, vectors=None).key,
        replace(base, vectors=other).key,
        replace(base, present=other).key,
    }
    assert len(keys) == 4


def test_the_call_tells_its_verdict(trainer: Any, checks: Checks) -> None:
    parameters = pb.TrainingParameters(
        kind="logistic",
        lr=0.02,
        momentum=0.9,
        scheduler="cosine",
        epochs=1,
        batch_size=8,
        train_encoder=True,
        device="cpu",
    )
    answer = trainer.FineTune(
        pb.FineTuneRequest(
            encoder=Encoder(artifact=checks.encoder, architecture="minicnn", dim=24, image_size=16),
            catalog=checks.catalog,
            labels=to_labels(*checks.labels),
            parameters=parameters,
            vectors=checks.vectors,
        )
    )
    assert answer.refused
    assert answer.verdict.startswith("refused: ")
    assert answer.encoder.artifact == checks.encoder
    assert answer.head.kind == "logistic"


def test_average_precision_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    for scores in (chance.normal(size=80), chance.integers(0, 5, 80).astype(np.float64)):
        positive = chance.random(80) < 0.2
        assert average_precision(scores, positive) == pytest.approx(average_precision_score(positive, scores))
