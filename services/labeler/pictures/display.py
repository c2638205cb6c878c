"""An image file -> bytes that every browser shows: at screen size, with all its pixels, or with its levels drawn apart."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from services.common.images import decode, read_file

SIDE = 1600
FULL_SIDE = 4096  # for a closer look; phones show no larger ones
_CUT = 0.5  # percent of the pixels at each end that may go to black and to white
_TINY = 256  # images up to here keep every pixel as it is


@dataclass(frozen=True)
class Look:
    """How an image is shown.

    Attributes:
        full: up to 4,096 pixels wide and high, instead of 1,600.
        levels: the darkest and the lightest parts drawn apart, for dark images.
    """

    full: bool = False
    levels: bool = False

    @property
    def word(self) -> str:
        """A short name of it; empty for the usual look."""
        return "-".join(word for word, on in (("full", self.full), ("levels", self.levels)) if on)


PLAIN = Look()


def derive(source: Path, look: Look = PLAIN) -> bytes:
    """WebP without loss for tiny images, JPEG for the others; upright, without metadata.

    Raises:
        UnreadableImageError: with the reason.
    """
    image = decode(read_file(source), upright=True)
    side = FULL_SIDE if look.full else SIDE
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if look.levels:
        image = ImageOps.autocontrast(image, cutoff=_CUT, preserve_tone=True)
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
