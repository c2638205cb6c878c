"""Keeping the cache of derivatives within its bounds: what nobody has looked at for longest goes first, and can be made again."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

log = logging.getLogger(__name__)

_EVERY = 20_000  # derivatives made between two looks at the folder at most: others may put files there, too
_DOWN_TO = 0.8  # of what is allowed: not a few files each time


class Trimmer:
    """Looks at the folder when the first derivative is made, and whenever the new ones may be too much since.

    A look takes seconds where there are a million files, so it has a thread of its own.

    Args:
        folder: of the cache; nothing else lies there.
        most_bytes: that it may hold; 0: any number.
        every: derivatives made between two looks at most.
    """

    def __init__(self, folder: Path, most_bytes: int, every: int = _EVERY) -> None:
        self._folder, self._most, self._every = folder, most_bytes, every
        self._made, self._bytes = every, 0  # the first look is due
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None

    def made(self, file: Path) -> None:
        """Counts a derivative that was made, and has the folder looked at where it is time."""
        size = _size_of(file)
        with self._lock:
            self._made += 1
            self._bytes += size
            if self._most == 0 or (self._made < self._every and self._bytes <= self._most):
                return
            if self._looking is not None and self._looking.is_alive():
                return
            self._made, self._bytes = 0, 0
            self._looking = threading.Thread(target=self._look, name="trimming", daemon=True)
            self._looking.start()

    def wait(self) -> None:
        """Until nobody looks at the folder."""
        if self._looking is not None:
            self._looking.join()

    def _look(self) -> None:
        kept = trim(self._folder, self._most)
        with self._lock:
            self._bytes += kept


def trim(folder: Path, most_bytes: int) -> int:
    """Deletes derivatives, those used longest ago first, where all together are too large; returns the bytes that are left."""
    files = [(about.st_atime_ns, about.st_size, path) for path, about in _derivatives(folder)]
    total = sum(size for _, size, _ in files)
    if total <= most_bytes:
        return total
    gone = 0
    for _, size, path in sorted(files):
        if total <= most_bytes * _DOWN_TO:
            break
        try:
            path.unlink()
        except OSError as error:
            log.warning("%s cannot be deleted: %s", path, error)
            continue
        total -= size
        gone += 1
    log.info("%d pictures for the page were deleted; %d MB of them are kept", gone, total // 1024**2)
    return total


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # gone already
        return 0


def _derivatives(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.glob("??/*.img"):
        try:
            found.append((path, path.stat()))
        except FileNotFoundError:  # another labeler on the same folder was faster
            continue
    return found
