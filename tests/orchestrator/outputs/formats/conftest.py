"""A run's results on images whose names have hurt somebody before."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrator.clients.labeler import Remark
from orchestrator.outputs.curated import NEITHER, choose_sides
from orchestrator.outputs.final_dataset import Curated, Mode
from orchestrator.outputs.formats.snapshot import Event, Snapshot

NAMES = (
    "a.png",
    "b.png",
    "bad-\udcff\udc80.png",
    "comma, semi;colon.png",
    "c/a.png",
    "C/A.png",
    "deep/er/a#b?c=1&d%20.png",
    "gl[o]b*.png",
    "new\nline.png",
    "-rf.png",
    'quo"te<b>.png',
    "www::x.png",
    "=1+1.png",
    "ünïcödé 画像.png",
    "l" * 251 + ".png",
    "con.png",
    "unreadable.png",
    "unsure.png",
    "undone.png",
)
PATHS = sorted(NAMES, key=os.fsencode)
UNREADABLE, UNSURE, UNDONE = (PATHS.index(f"{name}.png") for name in ("unreadable", "unsure", "undone"))
BAD = PATHS.index("bad-\udcff\udc80.png")
SPECIAL = (UNREADABLE, UNSURE, UNDONE)
START = 1_700_000_000_123


def _picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20 + number, 10), (number * 10, 0, 0)).save(file, "PNG")
    return file.getvalue()


def _events() -> list[Event]:
    """Every fourth image labelled, alternately yes and no; one is unsure, one taken back, one has two votes."""
    events: list[Event] = []

    def add(item: int, answer: str, who: str = "anna", late: bool = False) -> None:
        place = len(events) + 1
        events.append(Event(place, item, answer, 1, who, START + place, "boundary", late, 0 if place > 2 else None))

    for item in range(0, len(PATHS), 4):
        if item not in SPECIAL:
            add(item, "negative" if item % 8 else "positive")
    add(0, "positive", "bob \udcff", late=True)
    add(UNSURE, "unsure")
    add(UNDONE, "negative")
    add(UNDONE, "retracted")
    return events


REMARKS = (
    Remark(0, "bob \udcff", True, "", START),
    Remark(BAD, "anna", False, '=looks, odd; "so"', START + 1),
    Remark(0, "anna", False, "a ring", START + 2),
    Remark(0, "bob", True, "two rings", START + 3),
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Snapshot]:
    """Makes a snapshot: ``make(mode="copy", run="one", positive_name="red <&> \\"car\\"")``."""

    def build(mode: Mode = "copy", run: str = "one", positive_name: str = 'red <&> "car"') -> Snapshot:
        root = tmp_path / "the data"
        digests = np.zeros((len(PATHS), 32), dtype=np.uint8)
        for item, path in enumerate(PATHS):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            content = b"no image" if item == UNREADABLE else _picture(item)
            (root / path).write_bytes(content)
            if item != UNREADABLE:
                digests[item] = np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8)
        readable = np.arange(len(PATHS)) != UNREADABLE
        scores = np.where(readable, np.linspace(0.01, 0.99, len(PATHS)), np.nan).astype(np.float32)
        answers = {e.item: e.answer for e in _events() if e.item != UNDONE}
        sides = choose_sides(scores, answers)
        sides.side[~readable] = NEITHER
        curated = Curated(run, root, list(PATHS), sides, scores, digests)
        return Snapshot(curated, positive_name, _events(), readable, mode, remarks=REMARKS)

    return build


@pytest.fixture
def snapshot(make: Callable[..., Snapshot]) -> Snapshot:
    return make()
