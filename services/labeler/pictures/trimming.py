"""Keeping the cache of derivatives within its bounds: what nobody has looked at for longest goes first, and can be made again."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

log = logging.getLogger(__name__)

_EVERY = 500  # derivatives made between two looks at the folder
_DOWN_TO = 0.8  # of what is allowed: not a few files each time


class Trimmer:
    """Looks at the folder when it is started, and after every so many new derivatives.

    Args:
        folder: of the cache; nothing else lies there.
        most_bytes: that it may hold; 0: any number.
        every: derivatives made between two looks.
    """

    def __init__(self, folder: Path, most_bytes: int, every: int = _EVERY) -> None:
        self._folder, self._most, self._every = folder, most_bytes, every
        self._made = every  # the first look is due
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    def made_one(self) -> None:
        """Counts a derivative that was made, and looks at the folder where it is time."""
        with self._lock:
            self._made += 1
            due = self._most > 0 and self._made >= self._every
            if due:
                self._made = 0
        if due and self._looking.acquire(blocking=False):
            try:
                trim(self._folder, self._most)
            finally:
                self._looking.release()


def trim(folder: Path, most_bytes: int) -> int:
    """Deletes derivatives, those used longest ago first, where all together are too large; returns how many."""
    files = [(about.st_atime_ns, about.st_size, path) for path, about in _derivatives(folder)]
    total = sum(size for _, size, _ in files)
    if total <= most_bytes:
        return 0
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
    return gone


def _derivatives(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.glob("??/*.img"):
        try:
            found.append((path, path.stat()))
        except FileNotFoundError:  # another labeler on the same folder was faster
            continue
    return found
