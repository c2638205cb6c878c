"""Decoding that is faster than exact: a large JPEG is decompressed at an eighth, a quarter or half of its size right away.

libjpeg-turbo leaves out the frequencies that the resize would throw away afterwards. That changes pixels a little, so it is done
where it is asked for, for plain JPEG only, and everything else goes the exact way. So does a JPEG that is not flawless: one
place decides what is unreadable, and why.
"""

from __future__ import annotations

import io
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protos.errors import InvalidInputError
from services.common.encoders.geometry import to_pixels
from services.common.encoders.spec import EncoderSpec, preprocessing_of
from services.common.images import decode

DECODES = ("exact", "scaled")
TURBO = find_spec("simplejpeg") is not None
_VERSION = 1  # of how scaled images are made
_MARGIN = 1.5  # a decoded side is at least this many times the wanted one: less, and vectors differ visibly
_MOST_PIXELS = 25_000_000  # larger ones go the exact way, which takes them one at a time
_PLAIN = ("YCbCr", "Gray")


def check_decode(name: str) -> str:
    """``name`` in its canonical spelling; "" stands for exact.

    Raises:
        InvalidInputError: for another one.
    """
    plain = name.strip().lower() or "exact"
    if plain not in DECODES:
        raise InvalidInputError(f"decode {name!r} is not known; it takes {' or '.join(DECODES)}")
    return plain


def part_of_name(decode_as: str) -> tuple[str, ...]:
    """What a way of decoding adds to the name of a block: nothing when it is exact, else the library, too."""
    library = "simplejpeg" if TURBO else "pillow"
    return () if decode_as == "exact" else (f"{decode_as} {_VERSION} {library}",)


def pixels_of(data: bytes, spec: EncoderSpec, decode_as: str = "exact") -> NDArray[np.uint8]:
    """The image file ``data`` as uint8 [side, side, 3], as the encoder takes it.

    Args:
        data: the whole file.
        spec: of the encoder.
        decode_as: "exact" or "scaled".

    Raises:
        UnreadableImageError: with the reason.
    """
    image = scaled_jpeg(data, _wanted_side(spec)) if decode_as == "scaled" and data[:3] == b"\xff\xd8\xff" else None
    return to_pixels(decode(data) if image is None else image, spec)


def scaled_jpeg(data: bytes, side: int) -> Image.Image | None:
    """A plain 8-bit JPEG, RGB, no side of it below 1.5 times ``side`` unless the file's is; None where that is not to be had."""
    try:
        return _by_turbo(data, side) if TURBO else _by_pillow(data, side)
    except Exception:  # the exact way knows what is wrong with it
        return None


def _wanted_side(spec: EncoderSpec) -> int:
    return preprocessing_of(spec).resize or spec.image_size


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
