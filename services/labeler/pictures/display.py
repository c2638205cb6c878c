"""An image file -> bytes that every browser shows: at screen size, with all its pixels, or with its levels drawn apart."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImageStat

from services.common.images import LIMIT_PIXELS, read_file
from services.common.windows import open_image, split
from services.labeler.pictures.pyramid import FULL_SIDE, Piece

SIDE = 1600
TILE_SIDE = 320  # many at once, on a page of all images
_CUT = 0.5  # percent of the pixels at each end that may go to black and to white
# A middle brightness (0 to 1) below which shadows are lifted, and the least exponent for it.
_DARK, _MOST_LIFTED = 0.3, 0.3
_TINY = 256  # images up to here keep every pixel as it is
_TINY_TILE = 128  # the same in a tile; those up to here are enlarged with their pixels to be seen
_QUALITY, _TILE_QUALITY = 88, 80


@dataclass(frozen=True)
class Look:
    """How an image is shown.

    Attributes:
        full: up to 4,096 pixels wide and high, instead of 1,600.
        tile: up to 320 pixels, of a long image its middle; a JPEG is then decompressed at a part of its size, which takes a
            tenth of the time.
        levels: the darkest and the lightest parts drawn apart, and shadows lifted, for dark images.
        piece: a piece of it alone, see `pyramid`; with its own levels it would not fit its neighbours, so it gets those of the
            full picture.
        size: no picture at all, but how many pixels there are.
    """

    full: bool = False
    levels: bool = False
    tile: bool = False
    piece: Piece | None = None
    size: bool = False

    @property
    def word(self) -> str:
        """A short name of it; empty for the usual look."""
        words = (("full", self.full), ("levels", self.levels), ("tile", self.tile), ("size", self.size))
        piece = () if self.piece is None else (f"piece{self.piece.level},{self.piece.column},{self.piece.row}",)
        return "-".join((*(word for word, on in words if on), *piece))

    @property
    def is_close(self) -> bool:
        """Whether it takes all pixels of an image at hand."""
        return self.size or self.piece is not None


PLAIN = Look()


def derive(source: Path, look: Look = PLAIN) -> bytes:
    """WebP without loss for tiny images, JPEG for the others; upright, without metadata.

    Raises:
        UnreadableImageError: with the reason.
    """
    small = _small_jpeg(read_file(source)) if look.tile and split(source) is None else None
    image = small or open_image(source, upright=True)
    if look.tile:
        image = image.crop(_middle(image.size))
    side = TILE_SIDE if look.tile else FULL_SIDE if look.full else SIDE
    shrink(image, side, Image.Resampling.HAMMING if look.tile else Image.Resampling.LANCZOS)
    if look.levels:
        image = image.point(levels_of(image) * 3)
    image.info.clear()
    target = io.BytesIO()
    if max(image.size) <= (_TINY_TILE if look.tile else _TINY):
        image.save(target, "WEBP", lossless=True, method=2)
    else:
        image.save(target, "JPEG", quality=_TILE_QUALITY if look.tile else _QUALITY)
    return target.getvalue()


def shrink(image: Image.Image, side: int, smooth: Image.Resampling = Image.Resampling.LANCZOS) -> None:
    """Makes an image no wider and no higher than ``side``, in place; smaller ones stay."""
    image.thumbnail((side, side), smooth, reducing_gap=2.0)


def levels_of(image: Image.Image) -> list[int]:
    """What becomes of each brightness of 0 to 255 where the darkest and the lightest parts of an image are drawn apart.

    Half a percent of the pixels at each end may go to black and to white, by one rule for all channels, so that hues stay. Where
    most of the image is dark even so, shadows are lifted.
    """
    counts = np.array(image.convert("L").histogram())
    cut = int(counts.sum() * _CUT // 100)
    low = int(np.argmax(np.cumsum(counts) > cut))
    high = 255 - int(np.argmax(np.cumsum(counts[::-1]) > cut))
    if high <= low:
        return list(range(256))
    scale = 255 / (high - low)
    apart = [max(0, min(255, int(value * scale - low * scale))) for value in range(256)]
    middle = ImageStat.Stat(image.point(apart * 3).convert("L")).median[0] / 255
    if not 0 < middle < _DARK:
        return apart
    gamma = max(_MOST_LIFTED, math.log(_DARK) / math.log(middle))
    return [round(255 * (value / 255) ** gamma) for value in apart]


def _middle(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """What a tile shows: all, or the middle of an image that is more than twice as long as wide, which would be a thread else."""
    width, height = (min(side, 2 * min(size)) for side in size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def _small_jpeg(data: bytes) -> Image.Image | None:
    """A JPEG at the smallest part of its size that fills a tile; None for other files, and for what is damaged."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.width * image.height > LIMIT_PIXELS:
                return None
            left, top, right, bottom = _middle(image.size)
            part = min(1.0, TILE_SIDE / max(right - left, bottom - top))
            image.draft("RGB", (max(1, round(image.width * part)), max(1, round(image.height * part))))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return image if image.mode == "RGB" else image.convert("RGB")
    except Exception:  # whatever it is: the careful reader has a sentence for it
        return None


def media_type(data: bytes) -> str:
    """The media type of a derivative, from its first bytes."""
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "image/webp"
