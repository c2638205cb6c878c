"""An encoder without learned weights, for those who have no checkpoint yet."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 64  # pixels that images are brought to
CELL = 16  # side of a cell in pixels
CELLS = SIDE // CELL
BINS = 18  # orientations of the gradient over the full circle
_CLIP = 0.2  # no orientation may weigh more than this in its neighbourhood
_FAINT = 0.01  # keeps the noise of flat regions from being blown up
# Both parts get about unit variance a number on natural images, colour 0.7 times the whole weight of shape: measured to give
# the purest neighbourhoods on small photographs.
_SHAPE_SCALE = 4.3
_COLOUR_SCALE = 11.3


class Hog(nn.Module):
    """Histograms of oriented gradients, with the colour statistics of each cell.

    N. Dalal and B. Triggs: Histograms of Oriented Gradients for Human Detection (CVPR 2005): votes of the gradient's magnitude,
    shared between neighbouring orientations and cells, normalised by the four blocks of 2 x 2 cells around a cell. The four
    results are added up instead of kept apart, as P. Felzenszwalb et al. do (PAMI 2010): a quarter of the numbers, and better
    neighbours. Colour: mean and standard deviation of brightness, red-green and yellow-blue in each cell.
    """

    dim = CELLS * CELLS * (BINS + 6)

    def __init__(self) -> None:
        super().__init__()
        reach = 1 - ((torch.arange(2 * CELL) + 0.5 - CELL) / CELL).abs()
        window = torch.outer(reach, reach)
        self.register_buffer("window", (window / window.sum()).expand(BINS, 1, -1, -1).contiguous())

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings float32 [n, 384] of images float32 [n, 3, side, side], 0-255; other sides than 64 are resized."""
        x = images.float() / 255
        if x.shape[-1] != SIDE:
            x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        with torch.autocast(x.device.type, enabled=False):
            window = self.get_buffer("window").float()
            return torch.cat([_SHAPE_SCALE * _shape(x, window), _COLOUR_SCALE * _colour(x)], dim=1)


def _shape(x: Tensor, window: Tensor) -> Tensor:
    """Normalised histograms [n, BINS * CELLS * CELLS]."""
    cells = functional.conv2d(_votes(x.sqrt()), window, stride=CELL, padding=CELL // 2, groups=BINS)
    energy = functional.pad(cells.square().sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    blocks = (4 * functional.avg_pool2d(energy, 2, stride=1) + _FAINT**2).rsqrt()
    corners = (blocks[:, :, y : y + CELLS, x : x + CELLS] for y in (0, 1) for x in (0, 1))
    return torch.stack([(cells * corner).clamp(max=_CLIP) for corner in corners]).sum(0).flatten(1)


def _votes(x: Tensor) -> Tensor:
    """What each pixel gives to each orientation [n, BINS, side, side]; of the channel with the steepest gradient."""
    across = functional.pad(x[..., 2:] - x[..., :-2], (1, 1))
    down = functional.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
    magnitude, channel = (across.square() + down.square()).max(1, keepdim=True)
    angle = torch.atan2(down.gather(1, channel), across.gather(1, channel)) / (2 * math.pi) * BINS
    centres = torch.arange(BINS, device=x.device).view(1, -1, 1, 1) + 0.5
    distance = torch.remainder(angle - centres, BINS)
    nearness = (1 - torch.minimum(distance, BINS - distance)).clamp(min=0)
    return magnitude.sqrt() * nearness


def _colour(x: Tensor) -> Tensor:
    """Mean and deviation of three opponent channels in each cell [n, 6 * CELLS * CELLS]."""
    red, green, blue = x.unbind(1)
    opponents = torch.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], 1)
    mean = functional.avg_pool2d(opponents, CELL)
    deviation = (functional.avg_pool2d(opponents.square(), CELL) - mean.square()).clamp(min=0).sqrt()
    return torch.cat([mean.flatten(1), deviation.flatten(1)], 1)
