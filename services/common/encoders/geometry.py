"""An image -> the square of pixels that an encoder takes: one rule for the data, the reference image and the final model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.common.encoders.spec import EncoderSpec, PreparedSpec
from services.common.images import to_square
from services.common.windows import open_image

_STRIP = 16  # images longer than this many times their width are cut before they are resized


def to_pixels(image: Image.Image, spec: EncoderSpec) -> NDArray[np.uint8]:
    """An RGB image as uint8 [side, side, 3], the side being ``spec.image_size``.

    Args:
        image: as `decode` gives it.
        spec: of the encoder; one that says nothing about preprocessing takes the whole image, by Pillow's bilinear filter.
    """
    if not isinstance(spec, PreparedSpec):
        return to_square(image, spec.image_size)
    filter_ = Image.Resampling(spec.preprocessing.resample)
    if not spec.preprocessing.resize:
        return np.asarray(image.resize((spec.image_size,) * 2, filter_), dtype=np.uint8)
    return np.asarray(_middle(image, spec.image_size, spec.preprocessing.resize, filter_), dtype=np.uint8)


def read_pixels(path: Path, spec: EncoderSpec) -> NDArray[np.uint8]:
    """The image at ``path``, a file or a window of one, as uint8 [side, side, 3].

    Raises:
        UnreadableImageError: with the reason.
    """
    return to_pixels(open_image(path), spec)


def _middle(image: Image.Image, side: int, resize: int, filter_: Image.Resampling) -> Image.Image:
    """The square in the middle of the image whose shorter side has become ``resize`` pixels."""
    width, height = (resize * length // min(image.size) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    if max(width, height) <= _STRIP * resize:
        return image.resize((width, height), filter_).crop((left, top, left + side, top + side))
    # A strip would become a huge image. Cutting first gives nearly the same (roundings differ).
    across, down = image.width / width, image.height / height
    right, bottom = min((left + side) * across, image.width), min((top + side) * down, image.height)
    return image.resize((side, side), filter_, box=(left * across, top * down, right, bottom))
