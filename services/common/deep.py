"""Images of more than 8 bits a channel -> 8 bits: stretched between percentiles, never clipped to white or cut to black."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from protos.errors import InvalidInputError

_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_NODATA_TAG = 42113  # GDAL's: the value of pixels that mean nothing
_SAMPLES_TAG = 277  # of TIFF: bands
_PERCENTILES = (0.5, 99.5)
_LOOKED_AT = 4_000_000  # values that the percentiles are taken from, evenly spread
_STRIP_VALUES = 4_000_000  # values that are turned to bytes at a time: memory stays flat
# How Pillow takes the upper byte of each 16-bit value, and what takes the lower one from the same bytes.
_LOWER = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B" if np.little_endian else "RGB;16L",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B" if np.little_endian else "RGBA;16L",
}
_GREY_AND_ALPHA = "LA;16B"
Bounds = tuple[float, float] | None


class NoFiniteValueError(InvalidInputError):
    """An image in which no pixel has a finite value."""


def is_deep(image: Image.Image) -> bool:
    """Whether an image of one channel has more than 8 bits; Pillow's own conversion would clip it."""
    return image.mode in _MODES


def is_one_of_many_bands(image: Image.Image) -> bool:
    """Whether Pillow has opened a deep TIFF of several bands as its first band alone."""
    return is_deep(image) and getattr(image, "tag_v2", {}).get(_SAMPLES_TAG, 1) != 1


def stretched(image: Image.Image) -> Image.Image:
    """A loaded image of one deep channel as mode L.

    Raises:
        NoFiniteValueError: when no pixel has a finite value.
    """
    return Image.fromarray(stretch(np.asarray(image), nodata_of(image)))


def colour_of_16_bits(
    data: bytes, image: Image.Image, open_: Callable[[io.BytesIO], ImageFile.ImageFile]
) -> Image.Image | None:
    """The image in ``data`` as RGB where it has 16 bits a channel, of which Pillow alone keeps the upper byte; else None.

    Args:
        data: the whole file.
        image: as opened from it, its pixels not yet read.
        open_: opens it once more.

    Raises:
        OSError, SyntaxError, ...: whatever Pillow raises for a damaged file.
    """
    raw_modes = {_raw_mode(tile.args) for tile in image.tile} if isinstance(image, ImageFile.ImageFile) else set()
    if len(raw_modes) != 1 or not (raw := raw_modes.pop()) or image.mode not in ("RGB", "RGBA"):
        return None
    if raw == _GREY_AND_ALPHA:  # four bytes a pixel: upper and lower of grey, upper and lower of alpha
        both = np.asarray(_with_raw_mode(open_(io.BytesIO(data)), "RGBA")).astype(np.uint16)
        values = np.repeat(both[..., :1] << 8 | both[..., 1:2], 3, axis=2)
    elif raw in _LOWER:
        upper = np.asarray(image)[..., :3].astype(np.uint16)
        values = upper << 8 | np.asarray(_with_raw_mode(open_(io.BytesIO(data)), _LOWER[raw]))[..., :3]
    else:
        return None
    return Image.fromarray(stretch(values))


def stretch(values: NDArray[np.generic], nodata: float | None = None, bounds: Bounds = None) -> NDArray[np.uint8]:
    """Numbers [height, width] or [height, width, channels] as uint8 of the same shape.

    The 0.5th and the 99.5th percentile of the finite values, over all channels together so that hues stay, become 0 and 255.
    Values that all lie within 0 to 255 (and not within 0 to 1) stay as they are. NaN, minus infinity and the value without
    meaning become 0, infinity 255.

    Args:
        values: any real dtype.
        nodata: the value without meaning, if there is one.
        bounds: what becomes 0 and 255; measured in ``values`` when not given.

    Raises:
        NoFiniteValueError: when no value is finite.
    """
    low, high = bounds or bounds_of(values, nodata)
    stretched_ = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, _STRIP_VALUES // max(1, values[0].size))
    for first in range(0, len(values), rows):
        strip = values[first : first + rows].astype(np.float64)
        absent = _absent(strip, nodata)
        with np.errstate(all="ignore"):
            scaled = (strip - low) * (255.0 / max(high - low, 1e-300))
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
        stretched_[first : first + rows] = np.where(absent, 0, np.clip(scaled, 0, 255)).astype(np.uint8)
    return stretched_


def bounds_of(values: NDArray[np.generic], nodata: float | None = None) -> tuple[float, float]:
    """What becomes 0 and what 255 when values are stretched; taken from at most four million of them, evenly spread.

    Raises:
        NoFiniteValueError: when none is finite.
    """
    step = int(np.ceil(np.sqrt(max(1.0, values.size / _LOOKED_AT))))
    looked_at = values[::step, ::step].astype(np.float64)
    finite = looked_at[np.isfinite(looked_at) & ~_absent(looked_at, nodata)]
    if finite.size == 0:
        raise NoFiniteValueError("no pixel has a finite value")
    low, high = float(finite.min()), float(finite.max())
    if low >= 0 and 1 < high <= 255:
        return 0.0, 255.0
    low, high = (float(bound) for bound in np.percentile(finite, _PERCENTILES))
    if high <= low:  # nearly all pixels are alike: the others may be what is looked for
        low, high = float(finite.min()), float(finite.max())
    limit = np.finfo(np.float64).max / 4  # the span must be finite, too
    return max(low, -limit), min(high, limit)


def nodata_of(image: Image.Image) -> float | None:
    """The value without meaning that a TIFF names, if it names one."""
    return parse_nodata(getattr(image, "tag_v2", {}).get(_NODATA_TAG))


def parse_nodata(value: object) -> float | None:
    """What stands in GDAL's tag as a number; None where it is none."""
    try:
        return float(str(value).strip("\0 ")) if value is not None else None
    except ValueError:
        return None


def _absent(values: NDArray[np.float64], nodata: float | None) -> NDArray[np.bool_]:
    return np.zeros(values.shape, dtype=np.bool_) if nodata is None else values == nodata


def _raw_mode(args: object) -> str:
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _with_raw_mode(image: ImageFile.ImageFile, raw: str) -> Image.Image:
    """The opened image, its values to be unpacked in another way."""
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in image.tile
    ]
    return image
