"""Large scenes -> windows, each an image of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.common.images import UnreadableImageError
from services.common.windows import Window, name_of, size_of

Listed = tuple[str, int, int]  # relative path, size, mtime in ns
_THREADS = 8  # the work is waiting for the disk


def windows_of(width: int, height: int, side: int) -> Iterator[Window]:
    """Windows of ``side`` pixels that cover an image, line by line; the last of each line and column overlap those before.

    An image that is smaller than a window in one direction gives windows that are as small.
    """
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield Window(x, y, min(side, width), min(side, height))


def in_windows(root: Path, images: Iterable[Listed], side: int) -> list[Listed]:
    """The images; those that are larger than ``side`` are replaced by their windows, which have size and time of the file.

    What cannot be read stays whole, and is set aside later, with its reason.
    """
    listed = list(images)
    with ThreadPoolExecutor(_THREADS) as pool:
        sizes = pool.map(lambda image: _size(root / image[0]), listed)
        return [part for image, size in zip(listed, sizes, strict=True) for part in _parts(image, size, side)]


def _parts(image: Listed, size: tuple[int, int], side: int) -> Iterator[Listed]:
    path, length, mtime_ns = image
    if max(size) <= side:
        yield image
        return
    for window in windows_of(*size, side):
        yield name_of(path, window), length, mtime_ns


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    return [*range(0, length - side, side), length - side]


def _size(path: Path) -> tuple[int, int]:
    try:
        return size_of(path)
    except UnreadableImageError:
        return 0, 0
