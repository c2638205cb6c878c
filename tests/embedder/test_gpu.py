"""The forward pass on a GPU; what needs one is skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import rows_of_batch
from services.embedder.gpu import Lanes

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that works")

_ROWS = 256


@pytest.mark.parametrize(("side", "rows"), [(32, 256), (224, 256), (384, 64), (512, 64), (1024, 32)])
def test_large_images_go_in_smaller_batches(side: int, rows: int) -> None:
    encoder = LoadedEncoder(EncoderSpec("resnet50", 2048, side), torch.nn.Identity(), torch.device("cuda"))
    assert rows_of_batch(encoder) == rows
    assert 256 % rows == 0, "a block is made of whole batches"


@gpu
@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("bf16", 0.9999), ("fp16", 0.9999)])
def test_a_batch_gets_the_vectors_of_the_processor(graphs: bool, precision: str, least: float) -> None:
    torch.manual_seed(1)
    network = build_network("resnet18", 512).eval()
    images = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = network(to_batch(images)).numpy()
    lanes = Lanes(network.cuda().to(memory_format=torch.channels_last), torch.device("cuda"), 64, graphs)
    for _ in range(3):  # recorded, and replayed
        with lanes.lane() as lane:
            vectors = lane.embed(list(images), _ROWS, precision)
        assert vectors.shape == (_ROWS, 512)
        cosine = (
            (vectors[:40] * expected).sum(1) / np.linalg.norm(vectors[:40], axis=1) / np.linalg.norm(expected, axis=1)
        )
        assert cosine.min() >= least


@gpu
def test_a_row_has_the_same_vector_wherever_its_batch_is_short() -> None:
    network = build_network("minicnn8", 8).eval().cuda()
    lanes = Lanes(network, torch.device("cuda"), 32)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with lanes.lane() as lane:
        full = lane.embed([image] * 256, _ROWS, "fp32")
        short = lane.embed([image, None], _ROWS, "fp32")
    assert np.array_equal(full[0], short[0])
