"""Encoders of timm are fine-tuned and taken home like the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.geometry import read_pixels
from services.embedder.hub.reading import find_model, read_model
from services.trainer.export import FORMATS, export
from services.trainer.fine_tuning import FineTuneRequest, fine_tune
from services.trainer.heads import ONE_LAYER, Head, HeadRecord, HeadShape, head_bytes, load_head
from services.trainer.model_files import load
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import Parameters
from tests.support import timm_models as small

CPU = torch.device("cpu")


def published(store: ArtifactStore, folder: Path, architecture: str) -> Artifact:
    small.save_model(folder, architecture)
    network, spec, _ = read_model(find_model(str(folder)), 0)
    return store.once(f"encoders/{architecture}.safetensors", lambda path: save_encoder(path, network, spec))[0]


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit"])
def test_it_learns_with_its_head(store: ArtifactStore, tmp_path: Path, images: Any, architecture: str) -> None:
    encoder = published(store, tmp_path / "model", architecture)
    labels = np.arange(24, dtype=np.uint64), images.positive[:24]
    parameters = Parameters(
        epochs=8, hidden_dim=16, batch_size=8, lr=0.05, encoder_lr=1e-3, seed=2, kind="SSLEvaluatorOneLayer"
    )
    tuned = fine_tune(store, FineTuneRequest(encoder, images.catalog, labels, parameters, None, 5), CPU)
    before, after = (load_encoder(store.open(artifact)) for artifact in (encoder, tuned.encoder))
    assert after[0] == before[0] == tuned.spec
    assert any(not torch.equal(tensor, after[1].state_dict()[name]) for name, tensor in before[1].state_dict().items())
    head, _ = load_head(store.open(tuned.head))
    pixels = np.stack([read_pixels(path, tuned.spec) for path in sorted(images.folder.iterdir())])
    verdicts = forward_all(EncoderWithHead(after[1], head), pixels, CPU).numpy() > 0
    assert (verdicts == images.positive).mean() > 0.8


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("kind", FORMATS)
def test_it_is_taken_home(store: ArtifactStore, tmp_path: Path, images: Any, architecture: str, kind: str) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxscript", reason="the packages of the extra `onnx` are not installed")
    encoder = published(store, tmp_path / "model", architecture)
    spec, network = load_encoder(store.open(encoder))
    torch.manual_seed(0)
    head = Head(HeadShape(ONE_LAYER, spec.dim, 8, 0.1)).eval()
    weights = store.put("heads/h.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))
    model = load(store.open(export(store, encoder, weights, "red", 0.4, kind)))
    paths = sorted(images.folder.iterdir())[:6]
    pixels = np.stack([read_pixels(path, spec) for path in paths])
    expected = forward_all(EncoderWithHead(network, head), pixels, CPU).sigmoid().numpy()
    assert np.abs(model.probabilities(paths) - expected).max() < 1e-4
