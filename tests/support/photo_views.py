"""Random views of small photographs, for contrastive learning in tests."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def view(images: Tensor) -> Tensor:
    """A crop, mirrored or not, in other colours, sometimes grey, of each image float32 [n, 3, side, side], 0-1."""
    n = len(images)
    scale = torch.empty(n).uniform_(0.5, 1.0)
    x, y = ((torch.rand(2, n) * 2 - 1) * (1 - scale)).unbind()
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    nothing = torch.zeros(n)
    grid = functional.affine_grid(
        torch.stack([torch.stack([scale * flip, nothing, x], 1), torch.stack([nothing, scale, y], 1)], 1),
        list(images.shape),
        align_corners=False,
    )
    crops = functional.grid_sample(images, grid, align_corners=False)
    colours = crops * torch.empty(n, 3, 1, 1).uniform_(0.7, 1.3) + torch.empty(n, 1, 1, 1).uniform_(-0.2, 0.2)
    grey = colours.mean(1, keepdim=True).expand_as(colours)
    return torch.where((torch.rand(n) < 0.2)[:, None, None, None], grey, colours).clamp(0, 1)
