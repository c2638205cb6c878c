"""An image file -> bytes that every browser shows, at most 1,600 pixels wide and high."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from services.common.images import decode, read_file

SIDE = 1600
_TINY = 256  # images up to here keep every pixel as it is


def derive(source: Path) -> bytes:
    """WebP without loss for tiny images, JPEG for the others; upright, without metadata.

    Raises:
        UnreadableImageError: with the reason.
    """
    image = decode(read_file(source), upright=True)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    image.info.clear()
    target = io.BytesIO()
    if max(image.size) <= _TINY:
        image.save(target, "WEBP", lossless=True, method=2)
    else:
        image.save(target, "JPEG", quality=88)
    return target.getvalue()


def media_type(data: bytes) -> str:
    """The media type of a derivative, from its first bytes."""
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "image/webp"
