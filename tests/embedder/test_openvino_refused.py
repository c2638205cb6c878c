"""Where OpenVINO cannot be: a sentence where it was asked for, PyTorch where it was not."""

from __future__ import annotations

import logging
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from protos import embedder_pb2 as messages
from protos.errors import ActiveLabelerError, ConflictError, InvalidInputError
from services.common.encoders.spec import EncoderSpec
from services.embedder.openvino import lazily, library
from services.embedder.openvino.lazily import LazyNetwork
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images

SPEC, CPU = EncoderSpec("minicnn8", 8, 32), torch.device("cpu")


class _Spectrum(nn.Module):
    """Has an operator that OpenVINO does not know."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.linalg.eigvals(images[:, 0, :8, :8]).real


class _Changing(nn.Module):
    """Is another network each time it is asked, so that what was traced is none of the later ones."""

    calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return images.flatten(1)[:, 8 * self.calls : 8 * self.calls + 8]


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the package."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(library, "find_spec", lambda name: None)


@pytest.mark.usefixtures("absent")
def test_where_it_is_not_installed_the_extra_is_named(place: Place, tmp_path: Path) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 2)), publish_encoder(place)
    with pytest.raises(ConflictError, match=r"encoder\.backend is openvino, .*install active-labeler\[openvino\]"):
        place.embed(encoder, catalog, backend="openvino")
    by_torch = place.embed(encoder, catalog, backend="auto").blocks[0]
    assert by_torch == place.embed(encoder, catalog).blocks[0]


def test_an_installation_that_is_broken_is_a_word_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(library, "find_spec", lambda name: ModuleSpec(name, None))
    lazy = LazyNetwork(nn.Identity(), SPEC, CPU, 1)
    with caplog.at_level(logging.WARNING):
        assert lazy.get_if_possible() is None and lazy.get_if_possible() is None
    assert [record.message[:27] for record in caplog.records] == ["PyTorch computes the encode"]


def test_a_gpu_is_none_for_it() -> None:
    lazy = LazyNetwork(nn.Identity(), SPEC, torch.device("cuda", 0), 1)
    with pytest.raises(ConflictError, match=r"the device is cuda:0; set device to cpu, or encoder\.backend to auto"):
        lazy.get()
    assert lazy.get_if_possible() is None


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (_Spectrum(), "OpenVINO cannot compute minicnn8: No conversion .*"),
        (_Changing(), "other vectors of minicnn8 than .*"),
    ],
    ids=["unknown operator", "another network"],
)
def test_what_it_cannot_compute_is_said_once(network: nn.Module, words: str, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("openvino", reason="openvino (the extra `openvino`) is not installed")
    lazy = LazyNetwork(network, SPEC, CPU, 1)
    with caplog.at_level(logging.WARNING):
        assert lazy.get_if_possible() is None
    assert len(caplog.records) == 1 and "PyTorch computes the encoder: OpenVINO" in caplog.text
    with pytest.raises(InvalidInputError, match=f"{words}; set encoder.backend to torch") as told:
        lazy.get()
    assert len(str(told.value).splitlines()) == 1
    assert lazy.get_if_possible() is None and len(caplog.records) == 1


def test_hog_and_names_that_there_are_not_are_refused(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 2))
    hog = place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", builtin="hog")).encoder
    for encoder, backend, words in (
        (hog, "openvino", "hog is no network; set it to auto"),
        (hog, "tensorrt", "backend 'tensorrt' is not known; it takes torch, openvino, auto"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            place.embed(encoder, catalog, backend=backend)
    assert place.embed(hog, catalog, backend="auto").blocks[0] == place.embed(hog, catalog).blocks[0]
    for call, request in (
        (place.stub.EmbedImages, messages.EmbedImagesRequest(encoder=hog)),
        (place.stub.ChoosePrecision, messages.ChoosePrecisionRequest(encoder=hog, catalog=catalog)),
    ):
        request.options.backend = "both"
        with pytest.raises(ActiveLabelerError, match="backend 'both' is not known"):
            call(request)


def test_an_onnx_file_stays_with_onnxruntime(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from tests.embedder.test_onnx_import import import_onnx
    from tests.support import onnx_models as small

    encoder = import_onnx(place, small.save(tmp_path / "model.onnx", small.encoder())).encoder
    catalog = place.catalog(write_images(tmp_path / "images", 2))
    with pytest.raises(InvalidInputError, match="ONNX files are computed by onnxruntime; set it to auto"):
        place.embed(encoder, catalog, backend="openvino")
    assert place.embed(encoder, catalog, backend="auto").blocks[0] == place.embed(encoder, catalog).blocks[0]


def test_it_is_not_asked_where_it_is_not_wanted(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("it was asked for")

    monkeypatch.setattr(lazily, "OpenVinoNetwork", lambda *_: refuse())
    vectors = place.content(
        place.embed(publish_encoder(place), place.catalog(write_images(tmp_path / "images", 2))).blocks[0]
    ).vectors
    assert np.isfinite(vectors).all()
