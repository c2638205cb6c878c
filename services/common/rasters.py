"""TIFF files that Pillow does not read, by tifffile (the extra ``geotiff``): many bands, floating point colour, BigTIFF."""

from __future__ import annotations

import io
import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protos.errors import InvalidInputError
from services.common.deep import bounds_of, parse_nodata, stretch

AVAILABLE = find_spec("tifffile") is not None
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MOST_BYTES_A_PIXEL = 64  # of all bands together
_MOST_SEGMENT_PIXELS = 25_000_000  # of a tile or strip that is decoded for a window
_PLAIN = (1, 2)  # photometric interpretations that are read by window: grey from black to white, RGB
_SEPARATE = 2  # planar configuration: one band after another
_LOOKS, _LOOK_SIDE = 8, 256  # what the stretch of a scene is measured on: 8 x 8 windows of so many pixels
_SCENES_KEPT = 256
_bounds: dict[tuple[str, int, int], tuple[float, float]] = {}
_bounds_lock = threading.Lock()


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


def read_part(path: Path, box: tuple[int, int, int, int]) -> Image.Image | None:
    """A part of the first page of a TIFF, mode RGB, of any size of page; None for kinds of TIFF that Pillow knows better.

    Args:
        path: of the file.
        box: left, upper, right, lower, in pixels.

    Raises:
        UnreadableRasterError: with the reason.
        Exception: whatever a damaged file raises.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if page.photometric not in _PLAIN or int(page.imagedepth) != 1 or page.subsampling not in (None, (1, 1)):
            return None
        check_page(page, 2**40)
        _check_box(page, box)
        part = read_box(page, box)
        bounds = None if part.dtype == np.uint8 else _bounds_of_scene(page, path)
        return Image.fromarray(to_bytes(page, part, bounds))


def read_box(page: Any, box: tuple[int, int, int, int]) -> NDArray[np.generic]:
    """The shown bands under a box, [height, width, 3] or [height, width]; only the tiles or strips under it are decoded."""
    left, upper, right, lower = box
    if page.is_memmappable:
        return np.array(rgb_bands(page, page.asarray(out="memmap"))[upper:lower, left:right])
    samples = int(page.samplesperpixel)
    shown = 3 if samples >= 3 else 1
    values = np.full((lower - upper, right - left, shown), nodata_of_page(page) or 0).astype(page.dtype)
    for index in _segments_under(page, box, shown):
        segment, (plane, _, top, start, _), (_, length, width, _) = _decoded(page, index)
        if segment is None:
            continue
        rows, columns = (
            slice(max(top, upper), min(top + length, lower)),
            slice(max(start, left), min(start + width, right)),
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        part = segment[0, rows.start - top : rows.stop - top, columns.start - start : columns.stop - start]
        into = values[rows.start - upper : rows.stop - upper, columns.start - left : columns.stop - left]
        if int(page.planarconfig) == _SEPARATE and samples > 1:
            into[..., plane] = part[..., 0]
        else:
            into[...] = part[..., :shown]
    return values if shown == 3 else values[..., 0]


def _segments_under(page: Any, box: tuple[int, int, int, int], planes: int) -> list[int]:
    """The numbers of the tiles or strips that a box touches."""
    left, upper, right, lower = box
    width = int(page.tilewidth) if page.is_tiled else int(page.imagewidth)
    length = int(page.tilelength) if page.is_tiled else int(page.rowsperstrip)
    length = min(length, max(1, int(page.imagelength))) if not page.is_tiled else length
    if width * length > _MOST_SEGMENT_PIXELS:
        raise UnreadableRasterError(f"its parts of {width} x {length} pixels are too large to be read by window")
    across, down = -(-int(page.imagewidth) // width), -(-int(page.imagelength) // length)
    separate = int(page.planarconfig) == _SEPARATE and int(page.samplesperpixel) > 1
    return [
        (plane * down + row) * across + column
        for plane in range(planes if separate else 1)
        for row in range(upper // length, -(-lower // length))
        for column in range(left // width, -(-right // width))
    ]


def _decoded(page: Any, index: int) -> Any:
    """A tile or strip: its values, place and shape, as tifffile has them."""
    file, count = page.parent.filehandle, int(page.databytecounts[index])
    file.seek(int(page.dataoffsets[index]))
    data = file.read(count) if count else None
    return page.decode(data, index, jpegtables=page.jpegtables)


def _check_box(page: Any, box: tuple[int, int, int, int]) -> None:
    if box[2] > int(page.imagewidth) or box[3] > int(page.imagelength):
        raise UnreadableRasterError(f"the window ends at {box[2:]}, the scene at {(page.imagewidth, page.imagelength)}")


def _bounds_of_scene(page: Any, path: Path) -> tuple[float, float]:
    """What becomes 0 and 255 in all windows of a scene: from a grid of small windows all over it; kept for the newest scenes."""
    about = path.stat()
    key = (str(path), about.st_mtime_ns, about.st_size)
    with _bounds_lock:
        if key not in _bounds:
            width, height = int(page.imagewidth), int(page.imagelength)
            side = _LOOK_SIDE
            spots = [
                read_box(page, (x, y, min(x + side, width), min(y + side, height))).reshape(-1)
                for y in _spread(height, side)
                for x in _spread(width, side)
            ]
            while len(_bounds) >= _SCENES_KEPT:
                _bounds.pop(next(iter(_bounds)))
            _bounds[key] = bounds_of(np.concatenate(spots)[None, :], nodata_of_page(page))
        return _bounds[key]


def _spread(length: int, side: int) -> list[int]:
    """Where up to eight windows of a side begin, evenly spread over a length."""
    count = min(_LOOKS, -(-length // side))
    return sorted({int(place) for place in np.linspace(0, max(0, length - side), count)})
