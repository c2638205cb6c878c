"""Pieces of a large image, cut out of all its pixels, which are decoded once for many pieces."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image

from services.common.images import LIMIT_PIXELS, UnreadableImageError, size_of
from services.common.windows import file_of, open_image
from services.labeler.pictures.display import Look, derive, levels_of, shrink
from services.labeler.pictures.pyramid import FULL_SIDE, Piece, Size

_BYTES_A_PIXEL = 4  # of Pillow's RGB
MOST_BYTES = _BYTES_A_PIXEL * LIMIT_PIXELS  # that are kept: one image of the largest kind, or several smaller ones
_QUALITY, _ALL_COLOURS = 90, 0  # of JPEG: WebP of as many bytes is no closer to the pixels, and takes ten times as long


@dataclass
class Decoded:
    """All pixels of an image that stands upright."""

    pixels: Image.Image

    @property
    def size(self) -> Size:
        """How many there are."""
        return Size(*self.pixels.size)

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        return _bytes_of(self.pixels.size)

    @cached_property
    def levels(self) -> list[int]:
        """What becomes of each brightness where the levels are drawn apart: the same as in the full picture."""
        overview = self.pixels.copy()
        shrink(overview, FULL_SIDE)
        return levels_of(overview)


@dataclass
class Kept:
    """The images that were looked at last, as many as there is room for. For one thread.

    Args:
        most_bytes: that they may take together, once they are decoded.
    """

    most_bytes: int = MOST_BYTES
    _images: OrderedDict[tuple[object, ...], Decoded] = field(default_factory=OrderedDict)

    def of(self, source: Path) -> Decoded:
        """The pixels of an image.

        Raises:
            UnreadableImageError: with the reason.
        """
        key = _state_of(source)
        found = self._images.pop(key, None)
        if found is None:
            self._make_room(_bytes_wanted(source))
            found = Decoded(open_image(source, upright=True))
        if found.size.levels:
            self._images[key] = found
        return found

    def _make_room(self, wanted: int) -> None:
        """Before the next image is decoded: two of the largest at a time would be too much."""
        while self._images and sum(image.bytes for image in self._images.values()) + wanted > self.most_bytes:
            self._images.popitem(last=False)


def make(source: Path, look: Look, kept: Kept) -> bytes:
    """What a look wants: a picture, a piece of one, or the size.

    Raises:
        UnreadableImageError: with the reason.
    """
    if look.size:
        return kept.of(source).size.as_bytes()
    if look.piece is not None:
        return cut(kept.of(source), look.piece, look.levels)
    return derive(source, look)


def cut(image: Decoded, piece: Piece, levels: bool = False) -> bytes:
    """A piece of an image as JPEG; its pixels at level 0 are the image's own, those of other levels the means of several.

    Raises:
        UnreadableImageError: when there is no such piece.
    """
    box = image.size.box(piece)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise UnreadableImageError(f"the image has become smaller, {image.pixels.width} x {image.pixels.height} pixels")
    part = image.pixels.reduce(2**piece.level, box)
    if levels:
        part = part.point(image.levels * 3)
    part.info.clear()
    target = io.BytesIO()
    part.save(target, "JPEG", quality=_QUALITY, subsampling=_ALL_COLOURS)
    return target.getvalue()


def _bytes_wanted(source: Path) -> int:
    try:
        return _bytes_of(size_of(source))
    except UnreadableImageError:  # whoever decodes it knows better why
        return 0


def _bytes_of(size: tuple[int, int]) -> int:
    return size[0] * size[1] * _BYTES_A_PIXEL


def _state_of(source: Path) -> tuple[object, ...]:
    """What changes when the image does."""
    try:
        about = file_of(source).stat()
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read: {error.strerror or error}") from None
    return source, about.st_mtime_ns, about.st_size
