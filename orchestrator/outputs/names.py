"""Flat names: every image of a nested data set gets a file name of its own in one folder."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence

from services.common.windows import file_name

_MOST_BYTES = 255  # of a file name, on the usual file systems


def flat_names(paths: Sequence[str]) -> list[str]:
    """A file name for each relative path: its last part, or, where several share it, with a short hash of the path.

    The names depend on nothing but the paths, and are still different where a file system takes `A.png` and `a.png`, or two
    spellings of `é`, for the same.

    Args:
        paths: relative paths [rows], no two the same.
    """
    bare = [file_name(path.rpartition("/")[2]) for path in paths]
    count = Counter(_folded(name) for name in bare)
    taken = {folded for folded, times in count.items() if times == 1}
    names = []
    for path, name in zip(paths, bare, strict=True):
        names.append(name if count[_folded(name)] == 1 else _hashed(path, name, taken))
    return names


def _folded(name: str) -> str:
    """What file systems that ignore case, or the spelling of accents, make of a name."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _hashed(path: str, name: str, taken: set[str]) -> str:
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()
    for length in range(8, len(digest) + 1, 8):
        candidate = _with_mark(name, f"-{digest[:length]}")
        if _folded(candidate) not in taken:
            break
    taken.add(_folded(candidate))
    return candidate


def _with_mark(name: str, mark: str) -> str:
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    tail = f"{mark}{dot}{suffix}"
    while len(os.fsencode(stem + tail)) > _MOST_BYTES:
        stem = stem[:-1]
    return stem + tail
