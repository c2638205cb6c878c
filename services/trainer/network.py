"""An encoder and a head as one network: images in, logits out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from services.common.encoders.preprocess import to_batch
from services.trainer.heads import Head

FORWARD_BATCH = 64


class EncoderWithHead(nn.Module):
    """Images float32 [n, 3, side, side], 0-255, to logits float32 [n]."""

    def __init__(self, encoder: nn.Module, head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits [n] of images [n, 3, side, side]."""
        logits: Tensor = self.head(self.encoder(images))
        return logits


def forward_all(network: nn.Module, pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """What ``network`` gives for images uint8 [n, side, side, 3], on the processor, in batches and without gradients."""
    with torch.no_grad():
        parts = [
            network(to_batch(pixels[first : first + FORWARD_BATCH]).to(device)).float().cpu()
            for first in range(0, len(pixels), FORWARD_BATCH)
        ]
    return torch.cat(parts)
