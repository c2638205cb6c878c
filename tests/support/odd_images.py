"""Image files that Pillow itself does not write: 16-bit colour, TIFF of several pages and bands, hostile headers."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png_of_16_bits(values: NDArray[np.uint16]) -> bytes:
    """A PNG with 16 bits a channel: grey, grey and alpha, RGB or RGBA by the number of channels of [h, w, c]."""
    height, width, channels = values.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    return png(width, height, 16, _COLOUR_TYPES[channels], zlib.compress(lines))


def png(width: int, height: int, bits: int, colour_type: int, compressed: bytes) -> bytes:
    """A PNG of these parts, whether they fit together or not."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compressed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def png_bomb(side: int = 60_000) -> bytes:
    """A few bytes that claim to be an image of side x side pixels."""
    return png(side, side, 1, 0, b"x")


def tiff(values: NDArray[np.generic], **how: Any) -> bytes:
    """A TIFF by tifffile, with its options."""
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(file, values, **how)
    return file.getvalue()


def encoded(image: Image.Image, kind: str, **more: Any) -> bytes:
    """An image as a file of a kind that Pillow writes (or, with pillow-heif, HEIF)."""
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def noise(height: int = 20, width: int = 30, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """An image of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def smooth(height: int = 48, width: int = 64) -> NDArray[np.float64]:
    """Values from 0 to 1 [height, width, 3] that change slowly, so that lossy formats keep them."""
    down, across = np.mgrid[0:height, 0:width]
    return np.stack([across / (width - 1), down / (height - 1), (across + down) / (height + width - 2)], axis=-1)
