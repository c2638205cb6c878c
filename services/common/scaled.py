"""Decoding that is faster than exact: a large JPEG is decompressed at an eighth, a quarter or half of its size right away.

libjpeg-turbo leaves out the frequencies that the resize would throw away afterwards. That changes pixels a little, so it is done
where an encoder says so, for plain JPEG only, and everything else goes the exact way. So does a JPEG that is not flawless: one
place decides what is unreadable, and why. simplejpeg and Pillow give the same pixels; simplejpeg is faster.
"""

from __future__ import annotations

import io
from importlib.util import find_spec

from PIL import Image

TURBO = find_spec("simplejpeg") is not None
_MARGIN = 1.5  # a decoded side is at least this many times the wanted one: less, and vectors differ visibly
_MOST_PIXELS = 25_000_000  # larger ones go the exact way, which takes them one at a time
_PLAIN = ("YCbCr", "Gray")


def scaled_jpeg(data: bytes, side: int) -> Image.Image | None:
    """A plain 8-bit JPEG, RGB, no side of it below 1.5 times ``side`` unless the file's is; None where that is not to be had."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    try:
        return _by_turbo(data, side) if TURBO else _by_pillow(data, side)
    except Exception:  # the exact way knows what is wrong with it
        return None


def _by_turbo(data: bytes, side: int) -> Image.Image | None:
    import simplejpeg

    height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    if colours not in _PLAIN or not 0 < height * width <= _MOST_PIXELS:
        return None
    divisor = _divisor(width, height, side)
    least = {"min_height": -(-height // divisor), "min_width": -(-width // divisor)} if divisor > 1 else {}
    return Image.fromarray(simplejpeg.decode_jpeg(data, "RGB", strict=True, **least))


def _by_pillow(data: bytes, side: int) -> Image.Image | None:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        if image.mode not in ("RGB", "L") or not 0 < image.width * image.height <= _MOST_PIXELS:
            return None
        divisor = _divisor(*image.size, side)
        image.draft(image.mode, (image.width // divisor, image.height // divisor))
        return image.convert("RGB")


def _divisor(width: int, height: int, side: int) -> int:
    """The largest of 8, 4, 2 and 1 that leaves the margin; these are the scales that are fast."""
    return next((by for by in (8, 4, 2) if min(width, height) // by >= _MARGIN * side), 1)
