"""A file of a catalog -> pixels; what is wrong with it becomes its reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from services.common.catalog import Row
from services.common.encoders.geometry import pixels_of, to_pixels
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError, read_file
from services.common.windows import Window, read_window, split

NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class Decoded:
    """One file: its pixels uint8 [side, side, 3], or why there are none; and the SHA-256 of what was read."""

    pixels: NDArray[np.uint8] | None
    sha256: bytes = NO_DIGEST
    reason: str = ""


def decode_row(root: Path, row: Row, spec: EncoderSpec) -> Decoded:
    """Reads and decodes the file of a catalog row; never raises for what is wrong with the file."""
    try:
        if (window := split(inside(root, row))) is not None:
            return _decode_window(*window, row, spec)
        data = read_row(root, row)
    except UnreadableImageError as error:
        return Decoded(None, reason=str(error))
    digest = hashlib.sha256(data).digest()
    try:
        return Decoded(pixels_of(data, spec), digest)
    except UnreadableImageError as error:
        return Decoded(None, digest, str(error))
    except (MemoryError, ValueError) as error:  # of the resize
        return Decoded(None, digest, f"cannot be resized: {error}")


def inside(root: Path, row: Row) -> Path:
    """Where the file of a row lies.

    Raises:
        UnreadableImageError: when its path leads out of the data folder.
    """
    relative = PurePosixPath(row.path)
    if relative.is_absolute() or ".." in relative.parts:
        raise UnreadableImageError("its path leads out of the data folder")
    return root / row.path


def _decode_window(scene: Path, window: Window, row: Row, spec: EncoderSpec) -> Decoded:
    """A window's digest is that of its pixels: reading all of a scene for each of its windows would take hours."""
    image = read_window(scene, window)
    _check_unchanged(scene, row, row.size)
    digest = hashlib.sha256(image.tobytes()).digest()
    try:
        return Decoded(to_pixels(image, spec), digest)
    except (MemoryError, ValueError) as error:
        return Decoded(None, digest, f"cannot be resized: {error}")


def read_row(root: Path, row: Row) -> bytes:
    """The file of a row, as it was when it was listed.

    Raises:
        UnreadableImageError: when it cannot be read, or has changed.
    """
    path = inside(root, row)
    data = read_file(path)
    _check_unchanged(path, row, len(data))
    return data


def _check_unchanged(path: Path, row: Row, read: int) -> None:
    """An item never changes its content: a file that changed is another item of the next catalog."""
    try:
        mtime_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read: {error.strerror}") from None
    if read != row.size:
        raise UnreadableImageError(f"the file changed since it was listed: {read} bytes, not {row.size}")
    if mtime_ns != row.mtime_ns:
        raise UnreadableImageError("the file changed since it was listed: another modification time")
