"""Names that have hurt somebody before, as real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HOSTILE = (
    "plain.png",
    "-rf.png",
    'quo"te.png',
    "it's.png",
    "comma, semi;colon.png",
    "new\nline.png",
    "tab\there.png",
    "=1+1.png",
    "ünïcödé 画像.png",
    "bad-\udcff\udc80.png",
    "$(touch x).png",
    "%s{0}.png",
    "l" * 251 + ".png",
    "sub/plain.png",
    "sub/PLAIN.png",
    "sub/deeper/" + "l" * 251 + ".png",
)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, list[str]]:
    """A data folder with such names, and their relative paths in the order of a catalog; each file holds its own path."""
    root = tmp_path / "data"
    paths = sorted(HOSTILE, key=os.fsencode)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(os.fsencode(path))
    return root, paths
