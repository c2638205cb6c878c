"""A final model whose encoder is of the hub sees images as the run did, in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.geometry import read_pixels
from services.embedder.hub.reading import find_model, read_model
from services.trainer.export import FORMATS, export
from services.trainer.heads import ONE_LAYER, Head, HeadRecord, HeadShape, head_bytes
from services.trainer.model_files import load
from services.trainer.network import EncoderWithHead, forward_all

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub


@pytest.mark.parametrize("family", ["clip", "dinov2", "dinov3_vit", "convnext"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_model_of_the_hub_is_taken_home(
    store: ArtifactStore, tmp_path: Path, images: Any, family: str, kind: str
) -> None:
    if kind == "onnx":
        pytest.importorskip("onnxscript", reason="the packages of the extra `onnx` are not installed")
    hub.save_model(tmp_path / "model", family)
    network, spec, _ = read_model(find_model(str(tmp_path / "model")), 0)
    encoder, _ = store.once("encoders/e.safetensors", lambda path: save_encoder(path, network, spec))
    torch.manual_seed(0)
    head = Head(HeadShape(ONE_LAYER, spec.dim, 8, 0.1)).eval()
    weights = store.put("heads/h.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))
    model = load(store.open(export(store, encoder, weights, "red", 0.4, kind)))
    paths = sorted(images.folder.iterdir())[:6]
    pixels = np.stack([read_pixels(path, spec) for path in paths])
    whole = EncoderWithHead(load_encoder(store.open(encoder))[1], head)
    expected = forward_all(whole, pixels, torch.device("cpu")).sigmoid().numpy()
    assert np.abs(model.probabilities(paths) - expected).max() < 1e-4
