"""Names of files as text that every program reads, and back."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence

from orchestrator.outputs.names import flat_names
from services.common.windows import file_name

_RISKY = re.compile(r"[^\w .,()+=@-]")  # what globs, addresses and other systems' file names give a meaning to
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # on Windows


def is_text(path: str) -> bool:
    """Whether the bytes of a path are UTF-8."""
    return not any("\udc80" <= char <= "\udcff" for char in path)


def as_text(path: str) -> str:
    r"""The path; bytes that are no UTF-8 stand as ``\xff``, so that somebody can read it. `exact` has the bytes."""
    return path if is_text(path) else os.fsencode(path).decode("utf-8", "backslashreplace")


def exact(path: str) -> str:
    """The bytes of a path in base64 where they are no UTF-8, and nothing otherwise."""
    return "" if is_text(path) else base64.b64encode(os.fsencode(path)).decode()


def safe_names(paths: Sequence[str]) -> list[str]:
    """A file name for each path in one folder that any program takes; equal to its last part where that is harmless.

    Args:
        paths: relative paths [rows], no two the same.
    """
    cleaned = [_harmless(file_name(path.rpartition("/")[2])) for path in paths]
    # a changed name could now be that of another file: its folder of its own, made of the path's bytes, keeps them apart
    keys = [f"{os.fsencode(path).hex()}/{name}" for path, name in zip(paths, cleaned, strict=True)]
    return flat_names(keys)


def _harmless(name: str) -> str:
    clean = _RISKY.sub("_", as_text(name)).strip(" .") or "_"
    if clean.startswith("-") or _RESERVED.match(clean):
        clean = f"_{clean}"
    return _shortened(clean)


def _shortened(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    while len(name.encode()) > 200:
        stem = stem[:-1]
        name = f"{stem}{dot}{suffix[:20]}"
    return name
