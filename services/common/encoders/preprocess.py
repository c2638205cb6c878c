"""The input of every encoder: RGB, float32, 0-255, neither scaled nor normalised."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def to_batch(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> torch.Tensor:
    """Pixels uint8 [n, size, size, 3] as a batch float32 [n, 3, size, size], 0-255.

    The memory stays in the order of the pixels (channels last), which is also the fastest for convolutions. On a GPU
    the bytes travel, and become floats there.
    """
    return torch.from_numpy(pixels).to(device, non_blocking=True).permute(0, 3, 1, 2).to(torch.float32)
