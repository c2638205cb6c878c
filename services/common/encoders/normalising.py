"""What networks that know how their images are prepared have in common: the normalisation in front."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from services.common.encoders.spec import Preprocessing


class NormalisedEncoder(nn.Module):
    """Takes images float32 [n, 3, side, side], 0-255, RGB; what is within sees them scaled and shifted.

    Args:
        preprocessing: of the images.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.bgr = preprocessing.bgr
        std = torch.tensor(preprocessing.std, dtype=torch.float64)
        mean = torch.tensor(preprocessing.mean, dtype=torch.float64)
        self.register_buffer("factor", (preprocessing.scale / std).float().view(-1, 1, 1), persistent=False)
        self.register_buffer("shift", (mean / std).float().view(-1, 1, 1), persistent=False)

    def normalised(self, images: Tensor) -> Tensor:
        """Bytes times scale, less mean, divided by std; blue first where that is wanted."""
        ordered = images.flip(1) if self.bgr else images
        return ordered * self.get_buffer("factor") - self.get_buffer("shift")
