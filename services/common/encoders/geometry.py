"""An image -> the square of pixels that an encoder takes: one rule for the data, the reference image and the final model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.common.encoders.spec import SCALED, EncoderSpec, PreparedSpec, preprocessing_of
from services.common.images import decode, read_file, to_square, turned_as_said
from services.common.scaled import scaled_jpeg
from services.common.windows import read_window, split

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
    """The image at ``path``, a file or a window of one, as uint8 [side, side, 3]. Windows are decoded exactly, and never rotated.

    Raises:
        UnreadableImageError: with the reason.
    """
    found = split(path)
    return to_pixels(read_window(*found), spec) if found else pixels_of(read_file(path), spec)


def pixels_of(data: bytes, spec: EncoderSpec) -> NDArray[np.uint8]:
    """The image file ``data`` as uint8 [side, side, 3], decoded and rotated as the encoder says.

    Args:
        data: the whole file.
        spec: of the encoder.

    Raises:
        UnreadableImageError: with the reason.
    """
    image = scaled_jpeg(data, wanted_side(spec)) if spec.decode == SCALED else None
    if image is None:
        image = decode(data, upright=spec.upright)
    elif spec.upright:
        image = turned_as_said(image, data)
    return to_pixels(image, spec)


def wanted_side(spec: EncoderSpec) -> int:
    """What the shorter side of an image becomes, in pixels."""
    return preprocessing_of(spec).resize or spec.image_size


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
