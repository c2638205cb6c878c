"""Networks, their files, and how pixels are fed to them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec
from tests.support import reference_encoders as reference


def rounding(network: torch.nn.Module) -> float:
    """How far apart, relative to their norm, two orders of the same float32 sums put an embedding.

    The roundings of a sum of n terms are a random walk of n steps, 2**-24 each; the layers' errors add up at worst, and those of
    two networks are compared. A memory layout decides the order, and the threads that a machine has do.
    """
    terms = [weights[0].numel() for weights in network.parameters() if weights.ndim > 1]
    return float(2 * 2**-24 * (8 + sum(math.sqrt(count) for count in terms)))  # 8: of what is no sum of products


@pytest.mark.parametrize(
    ("architecture", "dim"), [("resnet18", 512), ("resnet50", 2048), ("minicnn10", 10), ("minicnn", 10), ("hog", 384)]
)
def test_shapes_and_files_of_every_architecture(tmp_path: Path, architecture: str, dim: int) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, dim).eval()
    spec = EncoderSpec(architecture, dim, 32)
    save_encoder(tmp_path / "a", network, spec)
    save_encoder(tmp_path / "b", network.to(memory_format=torch.channels_last), spec)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded_spec, loaded = load_encoder(tmp_path / "a")
    assert loaded_spec == spec and not loaded.training
    images = torch.rand(2, 3, 32, 32) * 255
    with torch.inference_mode():
        found, expected = loaded(images), network(images)
    assert found.shape == (2, dim)
    assert ((found - expected).norm(dim=1) <= rounding(network) * expected.norm(dim=1)).all()


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50", "minicnn16"])
@pytest.mark.parametrize("side", [33, 96])
def test_networks_equal_the_reference(architecture: str, side: int) -> None:
    theirs = reference.build(architecture)
    dim = {"resnet18": 512, "resnet50": 2048, "minicnn16": 16}[architecture]
    ours = build_network(architecture, dim).eval()
    state = {name: tensor for name, tensor in theirs.state_dict().items() if not name.startswith("fc.")}
    ours.load_state_dict(state)
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-4)


def test_a_minicnn_is_named_with_its_outputs() -> None:
    assert EncoderSpec("minicnn", 64, 32) == EncoderSpec("minicnn64", 64, 32)
    assert EncoderSpec("minicnn", 64, 32).architecture == "minicnn64"


@pytest.mark.parametrize(
    ("architecture", "dim", "reason"),
    [
        ("vgg16", 4, "'vgg16' is not known; it takes resnet18"),
        ("minicnnx", 4, "is not known"),
        ("minicnn8", 4, "is not known"),
        ("minicnn", 0, "is not known"),
        ("resnet18", 4, "resnet18 has 512 numbers, not 4"),
        ("hog", 4, "hog has 384 numbers, not 4"),
    ],
)
def test_networks_that_there_are_not(architecture: str, dim: int, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        build_network(architecture, dim)


@pytest.mark.parametrize(("architecture", "size"), [("resnet18", 0), ("resnet18", 4097), ("minicnn4", 7), ("hog", -1)])
def test_image_sizes_out_of_range(architecture: str, size: int) -> None:
    with pytest.raises(InvalidInputError, match=f"image_size {size} is not between"):
        EncoderSpec(architecture, 4, size)


def test_files_that_are_no_encoder(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"nothing of this kind")
    with pytest.raises(DamagedError, match="is no encoder file"):
        load_encoder(file)
    save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(InvalidInputError, match="but no encoder"):
        load_encoder(file)
    save_file({"a": torch.zeros(1)}, file, {"active_labeler_encoder": '{"architecture": "minicnn4"}'})
    with pytest.raises(DamagedError, match="description"):
        load_encoder(file)
    described = '{"architecture": "minicnn4", "dim": 4, "image_size": 32}'
    save_file({"a": torch.zeros(1)}, file, {"active_labeler_encoder": described})
    with pytest.raises(DamagedError, match="holds no weights of minicnn4"):
        load_encoder(file)


def test_pixels_are_neither_scaled_nor_normalised() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    batch = to_batch(images)
    assert batch.dtype == torch.float32 and batch.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(batch.numpy(), images.transpose(0, 3, 1, 2))


def test_hog_tells_directions_apart_and_ignores_brightness() -> None:
    hog = build_network("hog", 384)
    across = torch.zeros(1, 3, 64, 64)
    across[..., ::8, :] = 200
    with torch.inference_mode():
        one, darker, other = hog(across), hog(across * 0.7), hog(across.transpose(2, 3))
    assert (one - darker).norm() < 0.5 * (one - other).norm()
    assert torch.isfinite(hog(torch.zeros(1, 3, 64, 64))).all()
