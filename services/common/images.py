"""From the bytes of an image file to pixels: exact, by content and not by name, and safe with hostile files.

Decoding is what Pillow's ``open(...).convert("RGB")`` gives, because the encoders were trained on that; only 16-bit and
floating-point images differ, which Pillow would clip to white or black.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from protos.errors import InvalidInputError

LIMIT_PIXELS = 120_000_000  # the largest phone cameras stay below; 360 MB as RGB
LIMIT_BYTES = 256 * 1024 * 1024

# Formats are named, because Pillow knows some that start other programs (EPS starts Ghostscript).
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "MPO", "AVIF")
_DEEP_MODES = ("I", "F")  # and every mode that starts with "I;"
_DARK, _BRIGHT = 0.5, 99.5  # percentiles that become black and white

# Our own limit is checked below, so that Pillow's warning about large images would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnreadableImageError(InvalidInputError):
    """Bytes that are no image which can be read; the text is the short reason."""


def read_bytes(path: Path, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """The content of an image file.

    Raises:
        UnreadableImageError: when the file cannot be read or is larger than ``limit_bytes``.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit_bytes:
                raise UnreadableImageError(f"the file of {size} bytes is over the limit of {limit_bytes}")
            return file.read(limit_bytes)
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read: {error.strerror or error}") from error


def decode(data: bytes, limit_pixels: int = LIMIT_PIXELS, *, upright: bool = False) -> Image.Image:
    """Decodes the first frame of an image file.

    Args:
        data: the whole file.
        limit_pixels: width times height above which an image is refused before it is decoded.
        upright: turn the image as its EXIF orientation says. For display only: encoders see files as they are stored.

    Returns:
        The image, mode "RGB". Transparency is dropped; 16-bit and floating-point images are stretched from their 0.5 to
        their 99.5 percentile.

    Raises:
        UnreadableImageError: for anything that is no whole image within the limits.
    """
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > limit_pixels:
                raise UnreadableImageError(f"{width} x {height} pixels are over the limit of {limit_pixels}")
            turned = ImageOps.exif_transpose(image) if upright else image
            return _to_rgb(turned)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError(_what_it_is(data)) from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"far over the limit of {limit_pixels} pixels") from error
    except MemoryError as error:
        raise UnreadableImageError("decoding takes more memory than there is") from error
    except Exception as error:  # mutated files raise SyntaxError, struct.error, EOFError, KeyError, ...
        raise UnreadableImageError(f"damaged: {_short(error)}") from error


def to_square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Resizes to ``size`` x ``size`` with Pillow's bilinear filter; the aspect ratio is not kept.

    Returns:
        uint8 [size, size, 3], values 0-255.
    """
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)


def read_square(path: Path, size: int, limit_pixels: int = LIMIT_PIXELS) -> NDArray[np.uint8]:
    """An image file as pixels, uint8 [size, size, 3].

    Raises:
        UnreadableImageError: as ``read_bytes`` and ``decode`` do.
    """
    return to_square(decode(read_bytes(path), limit_pixels), size)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES or image.mode.startswith("I;"):
        return Image.fromarray(_stretched(np.asarray(image, dtype=np.float32))).convert("RGB")
    return image.convert("RGB")


def _stretched(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, dtype=np.uint8)
    dark, bright = np.percentile(values[finite], (_DARK, _BRIGHT))
    span = float(bright - dark) or 1.0
    scaled = (np.where(finite, values, dark) - dark) * (255.0 / span)
    pixels: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return pixels


def _what_it_is(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "a HEIF photograph; convert it to JPEG"
    if data[:4] == b"%PDF":
        return "a PDF file and no image"
    return f"no image that can be read (it starts with {data[:8].hex(' ')})"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
