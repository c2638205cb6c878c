"""The cache of derivatives stays within its bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.labeler.pictures.trimming import Trimmer, trim
from services.labeler.pictures.workshop import Workshop
from tests.labeler.kit import paint


def fill(folder: Path, count: int, size: int = 1000) -> list[Path]:
    """Derivatives, the first looked at longest ago, and a note that is none."""
    files = []
    for number in range(count):
        path = folder / f"{number % 3:02}" / f"{number:040}.img"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (1000 + number, 1000 + number))
        files.append(path)
    (folder / "00" / "note.txt").write_text("no image" * 1000)
    return files


def test_what_nobody_looked_at_for_longest_goes_first(tmp_path: Path) -> None:
    files = fill(tmp_path, 10)
    assert trim(tmp_path, 10_000) == 10_000
    assert trim(tmp_path, 5_000) == 4_000  # four fifths of that
    assert [path.exists() for path in files] == [False] * 6 + [True] * 4
    assert (tmp_path / "00" / "note.txt").exists()


def made(trimmer: Trimmer, *files: Path) -> None:
    for file in files:
        trimmer.made(file)
        trimmer.wait()


@pytest.mark.parametrize(("most", "left"), [(0, 10), (5_000, 4)])
def test_the_folder_is_looked_at_at_first_and_now_and_then(tmp_path: Path, most: int, left: int) -> None:
    files = fill(tmp_path, 10)
    trimmer = Trimmer(tmp_path, most, every=3)
    made(trimmer, files[9])
    assert sum(path.exists() for path in files) == left
    more = fill(tmp_path, 10)  # by another labeler
    gone = tmp_path / "gone.img"
    made(trimmer, gone, gone)
    assert sum(path.exists() for path in more) == 10
    made(trimmer, gone)
    assert sum(path.exists() for path in more) == left


def test_the_folder_is_looked_at_when_what_was_made_may_be_too_much(tmp_path: Path) -> None:
    trimmer = Trimmer(tmp_path, 5_000)
    files = fill(tmp_path, 3)
    made(trimmer, files[0])  # finds 3,000 bytes
    files = fill(tmp_path, 6)
    made(trimmer, files[3], files[4])
    assert all(path.exists() for path in files)
    made(trimmer, files[5])  # 6,000 by now
    assert [path.exists() for path in files] == [False] * 2 + [True] * 4


def test_a_trimmed_picture_is_made_again(tmp_path: Path) -> None:
    paint(tmp_path, ["a.png"])
    workshop = Workshop(tmp_path / "cache", most_bytes=1)
    first = workshop.get("a" * 40, tmp_path / "a.png").result(20)
    first.unlink(missing_ok=True)
    again = workshop.get("a" * 40, tmp_path / "a.png")
    assert again.exception(20) is None
    workshop.close()
