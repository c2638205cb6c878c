"""Pixels -> the input of an encoder."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_batch(images: NDArray[np.uint8]) -> Tensor:
    """Images uint8 [n, side, side, 3] as float32 [n, 3, side, side], 0-255, neither scaled nor normalised.

    The memory stays in the order of the pixels (channels last), which convolutions on a processor like best.
    """
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).to(torch.float32)
