"""Whether bf16 changes too much, through the server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from protos import embedder_pb2 as messages
from protos.common_pb2 import Artifact, Encoder
from protos.errors import InvalidInputError
from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.embedder import choosing
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bf16, whatever this one has: PyTorch computes the same on any."""
    monkeypatch.setattr(choosing, "has_bf16", lambda device: True)


def choose(
    place: Place, encoder: Encoder, catalog: Artifact, items: Sequence[int], **options: str
) -> messages.ChoosePrecisionResponse:
    request = messages.ChoosePrecisionRequest(run="r", encoder=encoder, catalog=catalog, item=items)
    request.options.MergeFrom(messages.EmbedOptions(**options))
    return place.stub.ChoosePrecision(request)


def ill_conditioned(images: Path) -> torch.nn.Module:
    """An encoder whose vectors are small differences of large numbers."""
    torch.manual_seed(1)
    network = build_network("minicnn8", 8)
    pixels = [
        np.asarray(Image.open(path).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR))
        for path in sorted(images.iterdir())
    ]
    linear = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.inference_mode():
        least = network.eval()(to_batch(np.stack(pixels))).amin(0)
    with torch.no_grad():
        linear.bias -= 0.95 * least  # or a vector could be zero
    return network


@pytest.mark.usefixtures("native")
def test_bf16_is_taken_where_vectors_stay_what_they_are(place: Place, tmp_path: Path) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 50)), publish_encoder(place)
    chosen = choose(place, encoder, catalog, range(50))
    assert (chosen.run, chosen.precision) == ("r", "bf16")
    assert 0.9999 <= chosen.cosine <= 1 + 1e-9
    exact, fast = (
        place.content(place.embed(encoder, catalog, precision=each).blocks[0]).vectors for each in ("fp32", "bf16")
    )
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    assert chosen.cosine == pytest.approx(float(((exact * fast).sum(1) / lengths).min()), abs=1e-6)
    assert "on 50 images" in chosen.why


@pytest.mark.usefixtures("native")
def test_an_encoder_whose_vectors_are_small_differences_keeps_fp32(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 20)
    chosen = choose(place, publish_encoder(place, ill_conditioned(images)), place.catalog(images), range(20))
    assert (chosen.precision, chosen.cosine < 0.9999) == ("fp32", True)
    assert "down to 0." in chosen.why


@pytest.mark.usefixtures("native")
def test_what_cannot_be_read_is_left_out(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 6)
    for path in sorted(images.iterdir())[:3]:
        path.write_bytes(b"nothing")
    encoder, catalog = publish_encoder(place), place.catalog(images)
    assert "on 3 images" in choose(place, encoder, catalog, range(6)).why
    nothing = choose(place, encoder, catalog, range(3))
    assert (nothing.precision, math.isnan(nothing.cosine)) == ("fp32", True)
    assert "none of the images" in nothing.why
    assert choose(place, encoder, catalog, []).precision == "fp32"


def test_a_device_without_bf16_and_the_builtin_encoder_keep_fp32(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    monkeypatch.setattr(choosing, "has_bf16", lambda device: False)
    assert choose(place, publish_encoder(place), catalog, range(3)).why == "cpu has no bf16 of its own"
    monkeypatch.setattr(choosing, "has_bf16", lambda device: True)
    hog = place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", builtin="hog")).encoder
    assert choose(place, hog, catalog, range(3)).why == "hog computes in fp32"


@pytest.mark.parametrize("items", [[3], [2**63], [0] * 65], ids=["no such item", "far away", "too many"])
def test_items_that_there_are_not_are_refused(place: Place, tmp_path: Path, items: list[int]) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    with pytest.raises(InvalidInputError, match="cannot be compared; send up to 64"):
        choose(place, publish_encoder(place), catalog, items)


def test_what_this_processor_says_is_understood() -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    assert choosing.has_bf16(torch.device("cpu")) == any(
        f" {flag} " in flags.replace("\n", " ") for flag in ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16")
    )
