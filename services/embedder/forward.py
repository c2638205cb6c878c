"""The forward pass, always in batches of one shape, so that a vector never depends on how many neighbours it had."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from protos.errors import ExhaustedError, InvalidInputError
from services.common.encoders.preprocess import to_batch
from services.embedder.encoder_cache import LoadedEncoder

BATCH_ROWS = 64  # divides a block; part of what makes vectors bit-equal, therefore no setting
PRECISIONS = ("fp32", "bf16")
NOT_FINITE = "its embedding is not finite (NaN or infinity)"


def check_precision(precision: str) -> str:
    """``precision`` in its canonical spelling; "" stands for fp32.

    Raises:
        InvalidInputError: for another one.
    """
    name = precision.strip().lower() or "fp32"
    if name not in PRECISIONS:
        raise InvalidInputError(f"precision {precision!r} is not known; it takes {' or '.join(PRECISIONS)}")
    return name


class ForwardPass:
    """Runs encoders with a fixed number of processor threads, one batch at a time: two at once would only be slower.

    Args:
        threads: processor threads of a forward pass.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._turn = threading.Lock()
        torch.set_num_threads(threads)

    def embed(
        self, encoder: LoadedEncoder, pixels: Sequence[NDArray[np.uint8] | None], precision: str
    ) -> NDArray[np.float32]:
        """Vectors float32 [n, dim] of up to 64 images uint8 [side, side, 3]; zero where there is no image.

        Raises:
            ExhaustedError: when memory does not suffice.
        """
        rows = np.zeros((len(pixels), encoder.spec.dim), dtype=np.float32)
        there = {row: image for row, image in enumerate(pixels) if image is not None}
        if not there:
            return rows
        side = encoder.spec.image_size
        try:
            batch = np.zeros((BATCH_ROWS, side, side, 3), dtype=np.uint8)
            for row, image in there.items():
                batch[row] = image
            with self._turn:
                vectors = self._run(encoder, batch, precision)
        except (MemoryError, RuntimeError) as error:
            raise _memory_error(error, encoder) from error
        rows[list(there)] = vectors[list(there)]
        return rows

    def _run(self, encoder: LoadedEncoder, batch: NDArray[np.uint8], precision: str) -> NDArray[np.float32]:
        torch.set_num_threads(self.threads)  # holds for the calling thread only
        device = encoder.device
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
                images = to_batch(batch) if device.type == "cpu" else _to_gpu(batch, device)
                vectors: NDArray[np.float32] = encoder.network(images).float().cpu().numpy()
        return vectors


def _to_gpu(batch: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """Bytes travel to the GPU, a quarter of what floats would be."""
    return torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).to(torch.float32)


def _memory_error(error: Exception, encoder: LoadedEncoder) -> Exception:
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in text:
        spec = encoder.spec
        return ExhaustedError(
            f"the memory of {encoder.device} does not suffice for {BATCH_ROWS} images of {spec.image_size} pixels"
            f" with {spec.architecture}; take a smaller image_size"
        )
    return error


def finite_rows(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows [n] bool of vectors [n, dim] hold finite numbers only."""
    return np.asarray(np.isfinite(vectors).all(axis=1), dtype=np.bool_)
