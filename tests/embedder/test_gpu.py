"""The forward pass on a GPU; skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.embedder.forward import GPU_BATCH_ROWS, _computing

if not torch.cuda.is_available():
    pytest.skip("this machine has no GPU that works", allow_module_level=True)

from services.embedder.gpu import Lanes


@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("bf16", 0.9999)])
def test_a_batch_gets_the_vectors_of_the_processor(graphs: bool, precision: str, least: float, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = build_network("resnet18", 512).eval()
    images = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = network(to_batch(images)).numpy()
    lanes = Lanes(network.cuda().to(memory_format=torch.channels_last), torch.device("cuda"), 64, graphs)
    for _ in range(3):  # recorded, and replayed
        with lanes.lane() as lane:
            vectors = lane.embed(list(images), GPU_BATCH_ROWS, precision, _computing)
        assert vectors.shape == (GPU_BATCH_ROWS, 512)
        cosine = (
            (vectors[:40] * expected).sum(1) / np.linalg.norm(vectors[:40], axis=1) / np.linalg.norm(expected, axis=1)
        )
        assert cosine.min() >= least


def test_a_row_has_the_same_vector_wherever_its_batch_is_short(tmp_path: Path) -> None:
    network = build_network("minicnn8", 8).eval().cuda()
    lanes = Lanes(network, torch.device("cuda"), 32)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with lanes.lane() as lane:
        full = lane.embed([image] * 256, GPU_BATCH_ROWS, "fp32", _computing)
        short = lane.embed([image, None], GPU_BATCH_ROWS, "fp32", _computing)
    assert np.array_equal(full[0], short[0])
