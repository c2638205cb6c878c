"""Views: seeded, in range, each distortion by itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from services.trainer.pretraining.augmentations import Strength, views_of


def images(side: int = 24, count: int = 6) -> Tensor:
    draw = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draw)


def views(pixels: Tensor, strength: Strength, seed: int = 0) -> Tensor:
    return views_of(pixels, strength, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("side", [8, 24, 96])
def test_views_keep_shape_and_range_and_follow_the_seed(side: int) -> None:
    made = views(images(side), Strength())
    assert made.shape == (6, 3, side, side) and made.dtype == torch.float32
    assert float(made.min()) >= 0 and float(made.max()) <= 255.001
    assert torch.equal(made, views(images(side), Strength()))
    assert not torch.equal(made, views(images(side), Strength(), seed=1))


def test_flat_images_stay_flat_where_only_parts_are_taken() -> None:
    flat = torch.full((4, 3, 16, 16), 99, dtype=torch.uint8)
    whole = Strength(area=0.2, jitter=0, hue=0, jitter_share=0, grey_share=0)
    assert torch.allclose(views(flat, whole), flat.float(), atol=1e-3)


def test_grey_views_have_three_equal_channels_of_the_same_luma() -> None:
    flat = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1).expand(3, 3, 16, 16)
    grey = views(flat, Strength(area=1, jitter_share=0, grey_share=1))
    assert torch.allclose(grey, torch.full_like(grey, 0.299 * 200 + 0.587 * 100 + 0.114 * 50), atol=0.1)


def test_a_turned_hue_keeps_the_luma() -> None:
    flat = torch.tensor([120, 100, 110], dtype=torch.uint8).view(1, 3, 1, 1).expand(8, 3, 16, 16)
    turned = views(flat, Strength(area=1, jitter=0, hue=0.1, jitter_share=1, grey_share=0))
    luma = (turned * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1)
    assert torch.allclose(luma, torch.full_like(luma, 107.12), atol=0.2)
    assert float((turned - flat).abs().max()) > 1


def test_large_images_are_blurred_and_small_ones_are_not() -> None:
    always = Strength(area=1, jitter=0, hue=0, jitter_share=0, grey_share=0, blur_share=1, blur_from=48)
    for side, rougher in ((47, False), (48, True)):
        pixels = images(side)
        plain = views(pixels, Strength(**{**vars(always), "blur_share": 0}))
        blurred = views(pixels, always)
        assert (float(blurred.var()) < 0.9 * float(plain.var())) is rougher
