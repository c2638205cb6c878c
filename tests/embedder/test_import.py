"""Checkpoints of the original's users, through the server: what is inside is found, and embeds as it did there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from protos import embedder_pb2 as messages
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from tests.support import reference_encoders as reference
from tests.support.embedder_place import Place, write_images

DIMS = {"resnet18": 512, "resnet50": 2048, "minicnn24": 24}


def save_reference(path: Path, architecture: str, form: str, zipped: bool = True) -> nn.Module:
    """Saves a reference encoder in one of the forms that users have; returns it."""
    encoder = reference.build(architecture)
    dim = DIMS[architecture]
    forms: dict[str, Callable[[], Any]] = {
        "simclr": lambda: reference.lightning(encoder, dim, "simclr"),
        "simsiam": lambda: reference.lightning(encoder, dim, "simsiam"),
        "classifier": lambda: reference.lightning(encoder, dim, "classifier"),
        "module": lambda: encoder,
        "final": lambda: reference.WithHead(encoder, dim),
        "weights": encoder.state_dict,
        "parallel": lambda: {f"module.{name}": tensor for name, tensor in encoder.state_dict().items()},
        "model": lambda: {"model": encoder.state_dict(), "epoch": 3},
        "online": lambda: {f"online_network.encoder.{n}": t for n, t in encoder.state_dict().items()},
    }
    with reference.foreign_packages():
        reference.save(path, forms[form](), zipped)
    return encoder


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("architecture", "form"),
    [
        ("resnet18", "simclr"),
        ("minicnn24", "simsiam"),
        ("minicnn24", "classifier"),
        ("minicnn24", "module"),
        ("resnet18", "module"),
        ("resnet50", "weights"),
        ("minicnn24", "parallel"),
        ("minicnn24", "model"),
        ("minicnn24", "online"),
        ("resnet18", "final"),
    ],
)
def test_embeddings_equal_the_originals(
    place: Place, tmp_path: Path, architecture: str, form: str, zipped: bool
) -> None:
    encoder = save_reference(tmp_path / "theirs.ckpt", architecture, form, zipped)
    assert "models.encoders" not in sys.modules
    found = place.import_file(tmp_path / "theirs.ckpt", image_size=48, expected_dim=DIMS[architecture])
    assert (found.run, found.encoder.architecture, found.encoder.dim) == ("r", architecture, DIMS[architecture])
    assert architecture in found.found
    images = write_images(tmp_path / "images", 9)
    answer = place.embed(found.encoder, place.catalog(images))
    ours = place.content(answer.blocks[0]).vectors
    for row, path in enumerate(sorted(images.iterdir())):
        theirs = reference.embed(encoder, path, 48)
        assert np.linalg.norm(theirs) > 1
        assert np.linalg.norm(ours[row] - theirs) < 1e-4 * np.linalg.norm(theirs), path


def test_a_module_in_double_or_half_precision_is_read(place: Place, tmp_path: Path) -> None:
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        encoder = reference.build("minicnn24").to(dtype)
        reference.save(tmp_path / "x.pt", encoder.state_dict())
        answer = place.import_file(tmp_path / "x.pt")
        _, network = load_encoder(place.store.open(answer.encoder.artifact))
        assert torch.equal(network.state_dict()["fc1.weight"], encoder.state_dict()["fc1.weight"].float())


def test_weights_that_are_views_of_a_shared_storage_are_read(place: Place, tmp_path: Path) -> None:
    state = reference.build("minicnn24").state_dict()
    shared = torch.cat([tensor.flatten() for tensor in state.values()])
    place_of, views = 0, {}
    for name, tensor in state.items():
        views[name] = shared[place_of : place_of + tensor.numel()].view(tensor.shape)
        place_of += tensor.numel()
    views["fc1.weight"] = views["fc1.weight"].t().contiguous().t()
    reference.save(tmp_path / "x.pt", views)
    answer = place.import_file(tmp_path / "x.pt")
    _, network = load_encoder(place.store.open(answer.encoder.artifact))
    for name, tensor in state.items():
        assert torch.equal(network.state_dict()[name], tensor), name


def test_image_sizes_that_nobody_names(place: Place, tmp_path: Path) -> None:
    for architecture, size in (("resnet18", 224), ("minicnn24", 64)):
        save_reference(tmp_path / "x.pt", architecture, "module")
        assert place.import_file(tmp_path / "x.pt").encoder.image_size == size


def test_a_final_model_of_ours_gives_its_encoder(place: Place, tmp_path: Path) -> None:
    weights = reference.build("minicnn24").state_dict()
    about = {"architecture": "minicnn24", "dim": 24, "image_size": 40}
    content = {"format": "x", "encoder": about, "encoder_weights": weights, "head_weights": {"0.weight": torch.ones(1)}}
    reference.save(tmp_path / "final_model.ckpt", content)
    assert place.import_file(tmp_path / "final_model.ckpt").encoder.image_size == 40


def test_what_was_found_is_said(place: Place, tmp_path: Path) -> None:
    save_reference(tmp_path / "x", "minicnn24", "simclr")
    assert place.import_file(tmp_path / "x").found == (
        "Lightning checkpoint with minicnn24 under 'encoder.', 9 other tensors left aside:"
        " 24 numbers for an image of 64 x 64 pixels, a size that is assumed: the file names none (encoder.image_size)."
    )
    save_reference(tmp_path / "x", "minicnn24", "module")
    assert place.import_file(tmp_path / "x").found.startswith(
        "Pickled module models.encoders.miniCNN with minicnn24 at"
    )


def test_an_import_is_made_once(place: Place, tmp_path: Path) -> None:
    save_reference(tmp_path / "x.ckpt", "minicnn24", "simclr")
    first = place.import_file(tmp_path / "x.ckpt")
    assert place.import_file(tmp_path / "x.ckpt") == first
    assert place.import_file(tmp_path / "x.ckpt", image_size=32).encoder.image_size == 32


def test_an_encoder_of_ours_is_taken_as_it_is(place: Place, tmp_path: Path) -> None:
    network = build_network("minicnn", 12)
    save_encoder(tmp_path / "e.safetensors", network, EncoderSpec("minicnn", 12, 40))
    answer = place.import_file(tmp_path / "e.safetensors")
    assert (answer.encoder.architecture, answer.encoder.dim, answer.encoder.image_size) == ("minicnn12", 12, 40)
    assert place.import_file(tmp_path / "e.safetensors", image_size=64).encoder.image_size == 64


def test_a_builtin_needs_no_file(place: Place) -> None:
    answer = place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", builtin="hog"))
    assert (answer.encoder.architecture, answer.encoder.dim) == ("hog", 384)
    with pytest.raises(InvalidInputError, match=r"'dino' is not known.*hog"):
        place.stub.ImportEncoder(messages.ImportEncoderRequest(builtin="dino"))
    with pytest.raises(InvalidInputError, match="no encoder is given"):
        place.stub.ImportEncoder(messages.ImportEncoderRequest())


def test_another_embedding_size_is_refused_with_both_and_the_remedy(place: Place, tmp_path: Path) -> None:
    save_reference(tmp_path / "x.ckpt", "minicnn24", "simclr")
    for _ in range(2):  # when the import is there already, too
        with pytest.raises(InvalidInputError, match=r"x\.ckpt.*gives 24 numbers.*is 128; set it to 24"):
            place.import_file(tmp_path / "x.ckpt", expected_dim=128)


@pytest.mark.parametrize(("size", "word"), [(4, "between 8 and"), (5000, "between 8 and 4096")])
def test_an_impossible_image_size_is_refused(place: Place, tmp_path: Path, size: int, word: str) -> None:
    save_reference(tmp_path / "x.pt", "minicnn24", "module")
    with pytest.raises(InvalidInputError, match=word):
        place.import_file(tmp_path / "x.pt", image_size=size)


def test_checkpoint_and_builtin_together_are_refused(place: Place, tmp_path: Path) -> None:
    save_reference(tmp_path / "x.pt", "minicnn24", "module")
    with pytest.raises(InvalidInputError, match="give only one"):
        place.import_file(tmp_path / "x.pt", builtin="hog")


def test_an_absent_or_changed_artifact_is_named(place: Place, tmp_path: Path) -> None:
    save_reference(tmp_path / "x.pt", "minicnn24", "module")
    artifact = place.publish(tmp_path / "x.pt")
    (place.store.root / artifact.path).write_bytes(b"else")
    with pytest.raises(DamagedError, match="is damaged"):
        place.stub.ImportEncoder(messages.ImportEncoderRequest(checkpoint=artifact))
    place.store.remove(artifact.path)
    with pytest.raises(NotFoundError, match="is not in the store"):
        place.stub.ImportEncoder(messages.ImportEncoderRequest(checkpoint=artifact))


def test_the_service_starts_and_says_where_it_is(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.embedder"],
        env={"ACTIVE_LABELER_ARTIFACTS": str(tmp_path / "a"), "ACTIVE_LABELER_DEVICE": "cpu"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("READY 127.0.0.1:")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_an_unknown_device_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.embedder"],
        env={"ACTIVE_LABELER_ARTIFACTS": str(tmp_path / "a"), "ACTIVE_LABELER_DEVICE": "tpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: device 'tpu' is not known; it takes auto, cpu, cuda or cuda:N"
    assert "Traceback" not in done.stderr
