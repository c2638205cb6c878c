"""Encoders of the hub are fine-tuned like the others, on images that are prepared as the embedder prepares them."""

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
from services.trainer.fine_tuning import FineTuneRequest, fine_tune
from services.trainer.heads import load_head
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import Parameters

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub

CPU = torch.device("cpu")


def published(store: ArtifactStore, folder: Path, family: str) -> Artifact:
    hub.save_model(folder, family)
    network, spec, _ = read_model(find_model(str(folder)), 0)
    return store.once(f"encoders/{family}.safetensors", lambda path: save_encoder(path, network, spec))[0]


@pytest.mark.parametrize("family", ["clip", "vit", "convnext"])
def test_a_model_of_the_hub_learns_with_its_head(
    store: ArtifactStore, tmp_path: Path, images: Any, family: str
) -> None:
    encoder = published(store, tmp_path / "model", family)
    labels = np.arange(24, dtype=np.uint64), images.positive[:24]
    parameters = Parameters(
        epochs=8, hidden_dim=16, batch_size=8, lr=0.05, encoder_lr=1e-3, seed=2, kind="SSLEvaluatorOneLayer"
    )
    tuned = fine_tune(store, FineTuneRequest(encoder, images.catalog, labels, parameters, None, 5), CPU)
    before, after = (load_encoder(store.open(artifact)) for artifact in (encoder, tuned.encoder))
    assert after[0] == before[0] == tuned.spec
    moved = [n for n, t in before[1].state_dict().items() if not torch.equal(t, after[1].state_dict()[n])]
    assert moved and not any("text" in name or name in ("tokenizer", "factor", "shift") for name in moved)
    head, _ = load_head(store.open(tuned.head))
    pixels = np.stack([read_pixels(path, tuned.spec) for path in sorted(images.folder.iterdir())])
    verdicts = forward_all(EncoderWithHead(after[1], head), pixels, CPU).numpy() > 0
    assert (verdicts == images.positive).mean() > 0.8


def test_a_frozen_one_comes_back_untouched(store: ArtifactStore, tmp_path: Path, images: Any) -> None:
    encoder = published(store, tmp_path / "model", "resnet")
    labels = np.arange(24, dtype=np.uint64), images.positive[:24]
    asked = FineTuneRequest(encoder, images.catalog, labels, Parameters(epochs=1, train_encoder=False), None, 5)
    assert fine_tune(store, asked, CPU).encoder == encoder
