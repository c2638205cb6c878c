"""A hand-crafted descriptor: no learned weights, no file. Histograms of oriented gradients with colour statistics.

Dalal and Triggs, Histograms of Oriented Gradients for Human Detection, 2005.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as nnf

_BINS = 9
_GRID = 8


class HogColour(nn.Module):
    """First version."""

    dim = _GRID * _GRID * (_BINS + 6)
    directions: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(_BINS) * (math.pi / _BINS)
        self.register_buffer("directions", torch.stack([angles.cos(), angles.sin()]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images float32 [n, 3, h, w], 0-255, to descriptors [n, dim]."""
        x = images / 255
        dx = nnf.pad(x[..., 2:] - x[..., :-2], (1, 1))
        dy = nnf.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
        strength = (dx**2 + dy**2).sqrt()
        strongest = strength.argmax(dim=1, keepdim=True)
        dx, dy = dx.gather(1, strongest), dy.gather(1, strongest)
        cosine = dx * self.directions[0].view(1, -1, 1, 1) + dy * self.directions[1].view(1, -1, 1, 1)
        cells = nnf.adaptive_avg_pool2d(cosine.abs() ** 2, _GRID)
        colour = nnf.adaptive_avg_pool2d(x, _GRID)
        spread = (nnf.adaptive_avg_pool2d(x * x, _GRID) - colour**2).clamp_min(0).sqrt()
        return torch.cat([cells.flatten(1), colour.flatten(1), spread.flatten(1)], dim=1)
