"""Fine-tuning: what moves, what stays, what is left out, and that it is the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.catalog import list_images, write_catalog
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.fine_tuning import FineTuned, FineTuneRequest, fine_tune
from services.trainer.head_training import HeadRequest, train_head
from services.trainer.heads import load_head
from services.trainer.labelled_images import FlippedBatches
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import Parameters

CPU = torch.device("cpu")
QUICK = Parameters(epochs=3, hidden_dim=16, batch_size=8, lr=0.05, encoder_lr=0.01, seed=2)


def published(store: ArtifactStore, architecture: str, dim: int, seed: int = 0) -> Artifact:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(architecture, dim)
    name = f"encoders/{architecture}-{seed}.safetensors"
    return store.once(name, lambda path: save_encoder(path, network, EncoderSpec(architecture, dim, 16)))[0]


@pytest.fixture
def encoder(store: ArtifactStore) -> Artifact:
    return published(store, "minicnn", 24)


def labels_of(images: Any, count: int = 24) -> Any:
    return np.arange(count, dtype=np.uint64), images.positive[:count]


def tune(store: ArtifactStore, encoder: Artifact, images: Any, labels: Any = None, **more: Any) -> FineTuned:
    parent = more.pop("parent", None)
    asked = labels or labels_of(images)
    return fine_tune(store, FineTuneRequest(encoder, images.catalog, asked, replace(QUICK, **more), parent, 5), CPU)


def weights(store: ArtifactStore, artifact: Artifact) -> dict[str, torch.Tensor]:
    return load_encoder(store.open(artifact))[1].state_dict()


def test_encoder_and_head_learn_together(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    tuned = tune(store, encoder, images, epochs=15)
    before, after = weights(store, encoder), weights(store, tuned.encoder)
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before)
    spec, network = load_encoder(store.open(tuned.encoder))
    assert spec == tuned.spec == EncoderSpec("minicnn", 24, 16)
    head, record = load_head(store.open(tuned.head))
    assert (record.label_position, record.parent) == (5, "")
    pixels = np.stack(
        [
            np.asarray(Image.open(path).resize((16, 16), Image.Resampling.BILINEAR))
            for path in sorted(images.folder.iterdir())
        ]
    )
    verdicts = forward_all(EncoderWithHead(network, head), pixels, CPU).numpy() > 0
    assert (verdicts == images.positive).mean() > 0.9
    assert tuned.note.quality.images == 4


@pytest.mark.parametrize("architecture", ["minicnn", "resnet18"])
def test_a_frozen_encoder_comes_back_untouched(store: ArtifactStore, images: Any, architecture: str) -> None:
    encoder = published(store, architecture, {"minicnn": 24, "resnet18": 512}[architecture])
    tuned = tune(store, encoder, images, train_encoder=False)
    assert tuned.encoder == encoder
    assert load_head(store.open(tuned.head))[1].shape.dim == tuned.spec.dim


def test_an_encoder_without_weights_leaves_the_head_to_learn(
    store: ArtifactStore, images: Any, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = published(store, "hog", 384)
    tuned = tune(store, encoder, images)
    assert tuned.encoder == encoder
    assert "hog has no weights to train: only the head is trained" in caplog.text
    assert repr(tune(store, encoder, images)) == repr(tuned)


def test_batch_normalisation_keeps_its_statistics(store: ArtifactStore, images: Any) -> None:
    encoder = published(store, "resnet18", 512)
    tuned = tune(store, encoder, images, labels_of(images, 9), epochs=1, encoder_lr=1e-4)  # the last batch is one image
    before, after = weights(store, encoder), weights(store, tuned.encoder)
    statistics = {name for name in before if "running" in name or "num_batches" in name}
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)
    assert not torch.equal(before["layer4.1.conv2.weight"], after["layer4.1.conv2.weight"])


def test_an_encoder_rate_of_zero_moves_nothing(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    tuned = tune(store, encoder, images, encoder_lr=0.0)
    before, after = weights(store, encoder), weights(store, tuned.encoder)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_equal_inputs_give_equal_bytes(tmp_path: Path, store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    first = tune(store, encoder, images)
    other = ArtifactStore(tmp_path / "other")
    for artifact in (encoder, images.catalog):
        other.put_file(artifact.path, store.open(artifact))
    torch.manual_seed(4711)
    second = tune(other, encoder, images)
    assert (second.encoder, second.head) == (first.encoder, first.head)
    assert tune(store, encoder, images, seed=3).encoder.sha256 != first.encoder.sha256


def test_a_repeated_request_finds_its_answer(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    assert repr(tune(store, encoder, images)) == repr(tune(store, encoder, images))
    frozen = tune(store, encoder, images, train_encoder=False)
    assert repr(tune(store, encoder, images, train_encoder=False)) == repr(frozen)


def test_a_lost_encoder_is_trained_again_and_not_mistaken_for_a_frozen_one(
    store: ArtifactStore, encoder: Artifact, images: Any
) -> None:
    first = tune(store, encoder, images)
    store.open(first.encoder).unlink()
    assert tune(store, encoder, images).encoder == first.encoder


def test_rates_that_explode_end_in_something_finite(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    tuned = tune(store, encoder, images, encoder_lr=1e3, lr=50.0)
    head, record = load_head(store.open(tuned.head))
    assert all(torch.isfinite(tensor).all() for tensor in weights(store, tuned.encoder).values())
    assert all(torch.isfinite(tensor).all() for tensor in head.state_dict().values())
    assert record.lr <= 50.0


def test_rates_beyond_all_reason_get_one_sentence(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    with pytest.raises(InvalidInputError, match="fine-tuning diverged at learning rates of 1e\\+38"):
        tune(store, encoder, images, encoder_lr=1e38, lr=1e38)


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_fresh_head_begins_with_the_share_of_positives_that_its_labels_have(
    store: ArtifactStore, encoder: Artifact, images: Any, hidden: int
) -> None:
    still: dict[str, Any] = {"lr": 1e-12, "encoder_lr": 0.0, "momentum": 0.0, "hidden_dim": hidden}
    few = (np.arange(24, dtype=np.uint64), np.arange(24) % 8 == 0)  # 3 of 24: nothing is held out
    bias = {}
    for name, labels in (("even", labels_of(images)), ("few", few)):
        head, _ = load_head(store.open(tune(store, encoder, images, labels, **still).head))
        bias[name] = float(head.layers[-1].bias.detach())
    assert bias["even"] - bias["few"] == pytest.approx(math.log(7), abs=1e-5)


def test_a_head_is_carried_on(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    parent = tune(store, encoder, images).head
    child = tune(store, encoder, images, parent=parent, lr=1e-12, encoder_lr=0.0, momentum=0.0)
    before, after = load_head(store.open(parent)), load_head(store.open(child.head))
    for name, tensor in before[0].state_dict().items():
        torch.testing.assert_close(after[0].state_dict()[name], tensor)
    assert after[1].parent == parent.sha256


def test_a_head_trained_on_vectors_is_carried_on(
    store: ArtifactStore, encoder: Artifact, images: Any, put: Callable[[str, Any], Artifact]
) -> None:
    vectors = put("v.npy", np.random.default_rng(0).normal(size=(24, 24)).astype(np.float32) * 3)
    parent = train_head(store, HeadRequest(vectors, labels_of(images), QUICK, None, 4)).artifact
    tuned = tune(store, encoder, images, parent=parent)
    assert load_head(store.open(tuned.head))[1].parent == parent.sha256


def test_unreadable_images_are_left_out(
    store: ArtifactStore, encoder: Artifact, images: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (images.folder / "03.png").write_bytes(b"no image")
    (images.folder / "04.png").unlink()
    tuned = tune(store, encoder, images)
    assert "item 3 (03.png) is left out" in caplog.text
    assert "item 4 (04.png) is left out" in caplog.text
    assert math.isfinite(tuned.note.quality.loss)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_labels_are_enough(store: ArtifactStore, encoder: Artifact, images: Any, count: int) -> None:
    tuned = tune(store, encoder, images, labels_of(images, count))
    assert tuned.note.quality.images == 0
    assert tuned.note.best_epoch == QUICK.epochs


def test_what_cannot_be_trained_on_gets_one_sentence(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    with pytest.raises(InvalidInputError, match="no labels"):
        tune(store, encoder, images, labels_of(images, 0))
    with pytest.raises(InvalidInputError, match="item 24 is labelled, but there are only 24"):
        tune(store, encoder, images, (np.array([24], dtype=np.uint64), np.array([True])))
    for path in images.folder.iterdir():
        path.write_bytes(b"gone")
    with pytest.raises(InvalidInputError, match=r"none of the 24 labelled images below .* can be read"):
        tune(store, encoder, images)


def test_the_data_set_may_lie_elsewhere(tmp_path: Path, store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    moved = tmp_path / "moved"
    images.folder.rename(moved)
    request = FineTuneRequest(encoder, images.catalog, labels_of(images), QUICK, None, 5, moved)
    assert fine_tune(store, request, CPU).note.best_epoch >= 1


def test_images_are_mirrored_every_other_time_and_never_otherwise_changed() -> None:
    images = torch.arange(40 * 2 * 2 * 3, dtype=torch.int64).remainder(256).to(torch.uint8).view(40, 2, 2, 3)
    batches = FlippedBatches(images, torch.arange(40.0), 40, 1)
    found, numbers = next(iter(batches))
    mirrored = 0
    for image, number in zip(found, numbers.int().tolist(), strict=True):
        plain = images[number].permute(2, 0, 1).float()
        assert torch.equal(image, plain) or torch.equal(image, plain.flip(2))
        mirrored += int(torch.equal(image, plain.flip(2)))
    assert 8 < mirrored < 32


def test_a_catalog_that_grew_is_another_input(
    tmp_path: Path, store: ArtifactStore, encoder: Artifact, images: Any
) -> None:
    request = FineTuneRequest(encoder, images.catalog, labels_of(images), QUICK, None, 5)
    Image.new("RGB", (9, 9)).save(images.folder / "zz.png")
    with store.writing("catalogs/grown.sqlite") as writing:
        write_catalog(writing.path, images.folder, list_images(images.folder))
    assert replace(request, catalog=writing.artifact).key != request.key
