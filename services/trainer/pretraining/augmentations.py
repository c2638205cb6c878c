"""Two random views of each image, made for a whole batch at once on the device that the encoder trains on.

The augmentations of SimCLR (T. Chen et al., "A simple framework for contrastive learning of visual representations", 2020,
appendix A): a random part of the image, mirrored every other time, its colours distorted or taken away, blurred where the image
is large enough. What is drawn comes from a generator of the processor, so that it is the same on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_GREY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601, as in Pillow's "L"
# Hue is turned in the plane of the two colour differences of YIQ (NTSC, 1953).
_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


@dataclass(frozen=True)
class Strength:
    """How far views are from their image; the defaults are SimCLR's, with its smaller distortion for small images.

    Attributes:
        area: smallest part of the image, as a share.
        jitter: brightness, contrast and saturation are multiplied with 1 plus or minus this.
        hue: turned by up to this share of the circle.
        jitter_share, grey_share, blur_share: of the views that this happens to.
        blur_from: side in pixels from which on views are blurred.
    """

    area: float = 0.2
    jitter: float = 0.4
    hue: float = 0.1
    jitter_share: float = 0.8
    grey_share: float = 0.2
    blur_share: float = 0.5
    blur_from: int = 96


def views_of(images: Tensor, strength: Strength, draw: torch.Generator) -> Tensor:
    """One random view of each image.

    Args:
        images: uint8 or float [n, 3, side, side], 0-255, on any device.
        strength: of the distortion.
        draw: a generator of the processor.

    Returns:
        float32 [n, 3, side, side], 0-255, on the same device.
    """
    views = _part(images.float() / 255, strength, draw)
    views = _colours(views, strength, draw)
    if views.shape[-1] >= strength.blur_from:
        views = _blurred(views, strength, draw)
    return views * 255


def _uniform(count: int, low: float, high: float, draw: torch.Generator, device: torch.device) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=draw).to(device)


def _happens(count: int, share: float, draw: torch.Generator, device: torch.device) -> Tensor:
    """Bool [n, 1, 1, 1]."""
    return (torch.rand(count, generator=draw) < share).to(device).view(-1, 1, 1, 1)


def _part(images: Tensor, strength: Strength, draw: torch.Generator) -> Tensor:
    """A random part of ``area`` to 1 of the image, its sides 3:4 to 4:3, mirrored every other time, at full size again."""
    count, device = len(images), images.device
    area = _uniform(count, strength.area, 1, draw, device)
    ratio = _uniform(count, math.log(3 / 4), math.log(4 / 3), draw, device).exp().sqrt()
    width, height = ((area.sqrt() * side).clamp(max=1) for side in (ratio, 1 / ratio))
    across, down = (_uniform(count, -1, 1, draw, device) for _ in range(2))
    mirror = torch.where(_happens(count, 0.5, draw, device).flatten(), -1.0, 1.0)
    zero = torch.zeros_like(width)
    rows = [width * mirror, zero, across * (1 - width), zero, height, down * (1 - height)]
    grid = functional.affine_grid(torch.stack(rows, dim=1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _colours(images: Tensor, strength: Strength, draw: torch.Generator) -> Tensor:
    count, device = len(images), images.device
    low, high = 1 - strength.jitter, 1 + strength.jitter
    brightness, contrast, saturation = (_uniform(count, low, high, draw, device).view(-1, 1, 1, 1) for _ in range(3))
    turned = _turned(images * brightness, _uniform(count, -strength.hue, strength.hue, draw, device))
    grey = _grey(turned)
    mean = grey.mean(dim=(2, 3), keepdim=True)
    changed = (grey + saturation * (turned - grey) - mean) * contrast + mean
    views = torch.where(_happens(count, strength.jitter_share, draw, device), changed.clamp(0, 1), images)
    return torch.where(_happens(count, strength.grey_share, draw, device), _grey(views).expand_as(views), views)


def _grey(images: Tensor) -> Tensor:
    """[n, 1, h, w]."""
    weights = torch.tensor(_GREY, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _turned(images: Tensor, shares: Tensor) -> Tensor:
    """The hue of each image turned by its share of the circle."""
    there = torch.tensor(_TO_YIQ, device=images.device)
    angle = 2 * math.pi * shares
    turn = torch.eye(3, device=images.device).repeat(len(shares), 1, 1)
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angle.sin(), angle.sin()
    matrices = torch.linalg.inv(there) @ turn @ there
    return torch.bmm(matrices, images.flatten(2)).view_as(images)


def _blurred(images: Tensor, strength: Strength, draw: torch.Generator) -> Tensor:
    """Gaussian blur with a deviation of 0.1 to 2 pixels and a window of a tenth of the side."""
    count, side, device = len(images), images.shape[-1], images.device
    half = max(1, side // 20)
    sigma = _uniform(count, 0.1, 2.0, draw, device).view(-1, 1)
    places = torch.arange(-half, half + 1, device=device, dtype=torch.float32)
    kernel = functional.softmax(-(places**2) / (2 * sigma**2), dim=1).repeat_interleave(3, dim=0)
    planes = functional.pad(images, (half,) * 4, mode="reflect").reshape(1, 3 * count, side + 2 * half, -1)
    planes = functional.conv2d(planes, kernel.view(3 * count, 1, 1, -1), groups=3 * count)
    planes = functional.conv2d(planes, kernel.view(3 * count, 1, -1, 1), groups=3 * count)
    return torch.where(_happens(count, strength.blur_share, draw, device), planes.view_as(images), images)
