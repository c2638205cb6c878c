"""An encoder that came as ONNX: heads are trained on it, it is not, and the final model holds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.geometry import read_pixels
from services.common.encoders.spec import EncoderSpec
from services.trainer.export import export
from services.trainer.fine_tuning import FineTuneRequest, fine_tune
from services.trainer.heads import ONE_LAYER, Head, HeadRecord, HeadShape, head_bytes
from services.trainer.model_files import load
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import Parameters

pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from services.embedder.onnx.reading import read_onnx
from tests.support import onnx_models as small

CPU = torch.device("cpu")
SAID = json.dumps({"mean": small.MEAN, "std": small.STD, "filter": "bicubic"}).encode()


@pytest.fixture
def encoder(store: ArtifactStore) -> Artifact:
    network, spec, _ = read_onnx(small.encoder().SerializeToString(), SAID, 0)
    return store.once("encoders/o.safetensors", lambda path: save_encoder(path, network, spec))[0]


def test_it_is_not_fine_tuned(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    labels = np.arange(24, dtype=np.uint64), images.positive[:24]
    asked = FineTuneRequest(encoder, images.catalog, labels, Parameters(epochs=1), None, 5)
    with pytest.raises(InvalidInputError, match=r"came as an ONNX file cannot be fine-tuned.*train the head alone"):
        fine_tune(store, asked, CPU)


def test_the_head_alone_is(store: ArtifactStore, encoder: Artifact, images: Any) -> None:
    labels = np.arange(24, dtype=np.uint64), images.positive[:24]
    asked = FineTuneRequest(encoder, images.catalog, labels, Parameters(epochs=1, train_encoder=False), None, 5)
    tuned = fine_tune(store, asked, CPU)
    assert tuned.encoder == encoder and tuned.shape.dim == small.DIM


def exported(store: ArtifactStore, encoder: Artifact, kind: str) -> tuple[Path, Head]:
    torch.manual_seed(0)
    head = Head(HeadShape(ONE_LAYER, small.DIM, 8, 0.1)).eval()
    weights = store.put("heads/h.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))
    return store.open(export(store, encoder, weights, "red", 0.4, kind)), head


@pytest.mark.parametrize("kind", ["ckpt", "safetensors"])
def test_the_final_model_holds_it(store: ArtifactStore, encoder: Artifact, images: Any, kind: str) -> None:
    path, head = exported(store, encoder, kind)
    model = load(path)
    paths = sorted(images.folder.iterdir())[:6]
    spec, network = load_encoder(store.open(encoder))
    pixels = np.stack([read_pixels(path, spec) for path in paths])
    expected = forward_all(EncoderWithHead(network, head), pixels, CPU).sigmoid().numpy()
    assert np.ptp(expected) > 0.001
    assert np.abs(model.probabilities(paths) - expected).max() < 1e-6
    np.testing.assert_allclose(forward_all(network, pixels, CPU).numpy(), small.by_torch(paths), rtol=1e-3, atol=1e-4)


def test_it_is_not_written_into_another_onnx_file(store: ArtifactStore, encoder: Artifact) -> None:
    with pytest.raises(
        InvalidInputError, match=r"came as an ONNX file, and is not written into another one; .*ckpt or saf"
    ):
        exported(store, encoder, "onnx")


def test_an_encoder_file_that_hides_something_runs_nothing(
    store: ArtifactStore, encoder: Artifact, tmp_path: Path
) -> None:
    """Whoever writes such a file by hand: what is within is looked through before it is run."""
    _, network = load_encoder(store.open(encoder))
    data = network.get_buffer("file").numpy().tobytes()
    assert data.count(b"Gemm") == 1
    network.get_buffer("file").copy_(torch.frombuffer(bytearray(data.replace(b"Gemm", b"Loop")), dtype=torch.uint8))
    with pytest.raises(InvalidInputError, match=r"it has a Loop, which may go on for ever"):
        network(torch.zeros(1, 3, small.SIDE, small.SIDE))


def test_a_description_that_lies_takes_no_memory(store: ArtifactStore, encoder: Artifact, tmp_path: Path) -> None:
    data = store.open(encoder).read_bytes()
    size = str(len(small.encoder().SerializeToString())).encode()
    assert data.count(b'file_bytes\\": ' + size) == 1
    for lie in (b"9999", b"1999"):
        (tmp_path / "lie.safetensors").write_bytes(data.replace(b'file_bytes\\": ' + size, b'file_bytes\\": ' + lie))
        with pytest.raises((InvalidInputError, DamagedError), match=r"do not belong together|holds no weights of onnx"):
            load_encoder(tmp_path / "lie.safetensors")


def test_a_model_whose_header_begins_like_onnx_is_read(store: ArtifactStore, tmp_path: Path) -> None:
    """The first byte of safetensors is the lowest of a length, and may be that of an ONNX file."""
    from services.common.encoders.networks import build_network

    for number in range(1, 200):
        network, spec = build_network("minicnn12", 12).eval(), EncoderSpec("minicnn12", 12, 8)
        name = f"encoders/{number}.safetensors"
        plain, _ = store.once(name, lambda path, n=network, s=spec: save_encoder(path, n, s))
        head = Head(HeadShape(ONE_LAYER, 12, 8, 0.1)).eval()
        weights = store.put(f"heads/{number}.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))
        path = store.open(export(store, plain, weights, "r" * number, 0.4, "safetensors"))
        if path.read_bytes()[0] == 8:
            assert load(path).positive_name == "r" * number
            return
    pytest.fail("no header of that length")
