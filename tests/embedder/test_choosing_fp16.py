"""fp16 in the place of bf16, for GPUs that are older than bf16; what it computes is tried on a processor here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from protos.errors import InvalidInputError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.embedder import choosing
from services.embedder.backends import OPENVINO
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass
from tests.embedder.test_choosing import choose
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images

GPU = torch.device("cuda")


@pytest.mark.parametrize(
    ("capability", "fast"),
    [((6, 1), None), ((7, 0), "fp16"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((8, 9), "bf16"), ((12, 0), "bf16")],
)
def test_what_a_gpu_is_fast_in(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fast: str | None) -> None:
    """Pascal, Volta, Turing, Ampere, Ada, Blackwell."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choosing.fast_precision(GPU) == fast


def test_a_processor_is_never_offered_fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "has_bf16", lambda device: False)
    assert choosing.fast_precision(torch.device("cpu")) is None


def beyond_fp16() -> torch.nn.Module:
    """An encoder whose vectors are larger than what fp16 can tell."""
    torch.manual_seed(0)
    network = build_network("minicnn8", 8).eval()
    linear = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        linear.weight.fill_(60_000)
        linear.bias.zero_()
    return network


@pytest.fixture
def turing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is fast in fp16 alone: the server's processor stands in for it, which computes the same, slower."""
    monkeypatch.setattr(choosing, "fast_precision", lambda device: "fp16")


@pytest.mark.usefixtures("turing")
def test_fp16_is_taken_where_vectors_stay_what_they_are(place: Place, tmp_path: Path) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 20)), publish_encoder(place)
    chosen = choose(place, encoder, catalog, range(20))
    assert chosen.precision == "fp16"
    assert 0.9999 <= chosen.cosine <= 1 + 1e-9
    blocks = {each: place.embed(encoder, catalog, precision=each).blocks[0] for each in ("fp32", "fp16")}
    assert blocks["fp32"].artifact.path != blocks["fp16"].artifact.path
    exact, fast = (place.content(blocks[each]).vectors for each in ("fp32", "fp16"))
    assert not np.array_equal(exact, fast)
    assert np.allclose(exact, fast, rtol=0.02, atol=0.02 * np.abs(exact).max())


@pytest.mark.usefixtures("turing")
def test_an_encoder_whose_vectors_fp16_changes_keeps_fp32(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 20)
    chosen = choose(place, publish_encoder(place, beyond_fp16()), place.catalog(images), range(20))
    assert (chosen.precision, chosen.cosine < 0.9999) == ("fp32", True)


def test_an_image_that_is_too_much_for_fp16_is_computed_in_fp32() -> None:
    """fp16 ends at 65,504: one image among many may come there, and would be set aside as one without a vector."""
    encoder = LoadedEncoder(EncoderSpec("minicnn8", 8, 32), beyond_fp16(), torch.device("cpu"))
    pixels = [np.full((32, 32, 3), value, np.uint8) for value in (0, 255)]
    forward = ForwardPass(1)
    exact, found = (forward.start(encoder, pixels, each, 2).result() for each in ("fp32", "fp16"))
    forward.close()
    assert np.abs(exact).max() > 65_504
    assert np.isfinite(found).all()
    over = np.abs(exact).max(axis=1) > 65_504
    assert np.array_equal(found[over], exact[over])


class _LoudTexts(torch.nn.Module):
    """Gives a phrase its tokens, times so much that fp16 cannot tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 4, bias=False)
        torch.nn.init.constant_(self.linear.weight, 60_000)

    def embed_tokens(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.linear(tokens.float()).float(), dim=1)


def test_a_phrase_that_is_too_much_for_fp16_is_computed_in_fp32() -> None:
    encoder = LoadedEncoder(EncoderSpec("minicnn8", 4, 32), _LoudTexts(), torch.device("cpu"))
    tokens = np.array([[1, 2, 3, 4]])
    forward = ForwardPass(1)
    exact, found = (forward.start_text(encoder, tokens, each).result() for each in ("fp32", "fp16"))
    forward.close()
    assert np.isfinite(found).all()
    assert np.array_equal(found, exact)


def test_openvino_does_not_compute_in_fp16(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    with pytest.raises(InvalidInputError, match=r"the precision is fp16, .* set encoder.backend to torch"):
        place.embed(publish_encoder(place), catalog, precision="fp16", backend=OPENVINO)
