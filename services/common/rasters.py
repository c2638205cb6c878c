"""TIFF files that Pillow does not read, by tifffile (the extra ``geotiff``): many bands, floating point colour, BigTIFF."""

from __future__ import annotations

import io
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protos.errors import InvalidInputError
from services.common.deep import parse_nodata, stretch

AVAILABLE = find_spec("tifffile") is not None
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_BYTES_A_PIXEL = 64  # of all bands together


class UnreadableRasterError(InvalidInputError):
    """A TIFF that cannot be used; the text is the reason."""


def looks_like(data: bytes) -> bool:
    """Whether a file begins as a TIFF does."""
    return data[:4] in _MAGIC


def decode_raster(data: bytes, limit_pixels: int) -> Image.Image:
    """The first page of a TIFF, mode RGB: its first three bands, or its only one, stretched where they have more than 8 bits.

    Args:
        data: the whole file.
        limit_pixels: larger images are refused before any memory is taken for them.

    Raises:
        UnreadableRasterError: with the reason.
        Exception: whatever a damaged file raises.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is in its reason
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        check_page(page, limit_pixels)
        bands = rgb_bands(page, page.asarray(maxworkers=1))
        return Image.fromarray(to_bytes(page, bands))


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the first page of a TIFF.

    Raises:
        Exception: whatever a damaged file raises, or one that is no TIFF.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        return int(file.pages.first.imagewidth), int(file.pages.first.imagelength)


def check_page(page: Any, limit_pixels: int) -> None:
    """Refuses a page of a TIFF that takes too much memory, or is no picture.

    Raises:
        UnreadableRasterError: with the reason.
    """
    width, height = int(page.imagewidth), int(page.imagelength)
    if width * height > limit_pixels:
        raise UnreadableRasterError(f"{width} x {height} pixels are more than the limit of {limit_pixels}")
    if width < 1 or height < 1 or page.dtype is None or page.dtype.kind not in "uif":
        raise UnreadableRasterError(f"a TIFF of {width} x {height} pixels of type {page.dtype} is no picture")
    size = page.dtype.itemsize * int(page.samplesperpixel) * max(1, int(page.imagedepth))
    if size > _MOST_BYTES_A_PIXEL:
        raise UnreadableRasterError(f"{size} bytes a pixel are more than the limit of {_MOST_BYTES_A_PIXEL}")
    if max(1, int(page.tilewidth or 1)) * max(1, int(page.tilelength or 1)) > limit_pixels:
        raise UnreadableRasterError(f"its tiles have more than the limit of {limit_pixels} pixels")


def rgb_bands(page: Any, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """The bands that are shown, [height, width, 3] or [height, width], of the values of a page or of a window of one."""
    if "S" in page.axes:  # samples, first or last
        values = np.moveaxis(values, page.axes.index("S"), -1)
    if "Z" in page.axes.replace("S", ""):
        values = values[0]
    if values.ndim == 2:
        return values
    return values[..., :3] if values.shape[-1] >= 3 else values[..., 0]


def to_bytes(page: Any, bands: NDArray[np.generic], bounds: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Bands [height, width(, 3)] as uint8 [height, width, 3]; 8 bits stay as they are.

    Raises:
        NoFiniteValueError: when no value is finite.
    """
    shown = bands if bands.dtype == np.uint8 else stretch(bands, nodata_of_page(page), bounds)
    return np.ascontiguousarray(shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2), dtype=np.uint8)


def nodata_of_page(page: Any) -> float | None:
    """The value without meaning that a page names, if it names one."""
    tag = page.tags.get(42113)
    return parse_nodata(tag.value) if tag is not None else None
