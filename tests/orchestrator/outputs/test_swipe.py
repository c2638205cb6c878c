"""The folders of links."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from orchestrator.outputs.swipe import FOLDERS, Standing, SwipeFolders

PATHS = ["a.png", "b.png", "c.png", "d/a.png", "e.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in PATHS:
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).write_text(path)
    return tmp_path / "data"


@pytest.fixture
def folders(root: Path, tmp_path: Path) -> SwipeFolders:
    return SwipeFolders(tmp_path / "swipe", root, PATHS)


def shown(folders: SwipeFolders) -> dict[str, list[str]]:
    """What the files in each folder hold: the path of the image that they are of."""
    return {name: sorted(file.read_text() for file in (folders.folder / name).iterdir()) for name in FOLDERS}


FIRST = Standing(offered=[1, 4], answers={0: "positive", 2: "negative", 3: "unsure"}, rounds={0: 0, 2: 0, 3: 0})


def test_each_image_is_where_the_original_had_it(folders: SwipeFolders) -> None:
    folders.update(FIRST)
    assert shown(folders) == {
        "unlabeled": ["b.png", "e.png"],
        "labeled/positive": ["a.png"],
        "labeled/negative": ["c.png"],
        "unsure": ["d/a.png"],
        "new_label": ["a.png", "c.png", "d/a.png"],
        "archive": [],
    }
    assert all(file.is_symlink() for name in FOLDERS for file in (folders.folder / name).iterdir())


def test_an_update_moves_on(folders: SwipeFolders) -> None:
    folders.update(FIRST)
    later = Standing(
        [1, 4], {0: "negative", 2: "negative", 1: "positive"}, {0: 1, 2: 0, 1: 1}
    )  # one corrected, one undone
    folders.update(later)
    expected = {
        "unlabeled": ["e.png"],
        "labeled/positive": ["b.png"],
        "labeled/negative": ["a.png", "c.png"],
        "unsure": [],
        "new_label": ["a.png", "b.png"],
        "archive": ["c.png"],
    }
    assert shown(folders) == expected
    SwipeFolders(folders.folder, folders._root, PATHS).update(later)  # a resumed run finds the same
    assert shown(folders) == expected


def test_what_is_right_already_is_not_touched(folders: SwipeFolders) -> None:
    folders.update(FIRST)
    before = {file: file.lstat().st_ctime_ns for file in folders.folder.rglob("*.png")}
    folders.update(FIRST)
    assert {file: file.lstat().st_ctime_ns for file in folders.folder.rglob("*.png")} == before


def test_what_others_put_there_stays(folders: SwipeFolders) -> None:
    folders.update(FIRST)
    (folders.folder / "unlabeled" / "notes.txt").write_text("mine")
    folders.update(Standing())
    assert shown(folders)["unlabeled"] == ["mine"]


def test_the_images_are_never_touched(folders: SwipeFolders, root: Path) -> None:
    before = {path: (root / path).stat().st_mtime_ns for path in PATHS}
    root.chmod(0o555)
    try:
        folders.update(FIRST)
        folders.update(Standing())
    finally:
        root.chmod(0o755)
    assert {path: (root / path).stat().st_mtime_ns for path in PATHS} == before
    assert [(root / path).read_text() for path in PATHS] == PATHS


def test_where_links_are_impossible_there_are_copies(folders: SwipeFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    folders.update(FIRST)
    assert shown(folders)["labeled/positive"] == ["a.png"]
    assert not any(file.is_symlink() for file in folders.folder.rglob("*.png"))
    folders.update(Standing())
    assert not any(shown(folders).values())


def test_an_image_that_is_gone_is_left_out(folders: SwipeFolders, root: Path) -> None:
    (root / "b.png").unlink()
    folders.update(FIRST)
    assert shown(folders)["unlabeled"] == ["e.png"]


def test_hostile_names(tmp_path: Path, hostile: tuple[Path, list[str]]) -> None:
    root, paths = hostile
    folders = SwipeFolders(tmp_path / "swipe", root, paths)
    folders.update(Standing(range(len(paths))))
    held = {file.read_bytes() for file in (tmp_path / "swipe" / "unlabeled").iterdir()}
    assert held == {os.fsencode(path) for path in paths}


def test_an_update_at_ten_thousand_images_is_quick(tmp_path: Path, root: Path) -> None:
    paths = PATHS + [f"{number}.png" for number in range(10_000)]
    folders = SwipeFolders(tmp_path / "swipe", root, paths)
    folders.update(FIRST)
    start = time.monotonic()
    folders.update(Standing([1], {0: "positive", 4: "positive"}, {0: 0, 4: 1}))
    assert time.monotonic() - start < 20  # a few hundredths on a quiet machine
