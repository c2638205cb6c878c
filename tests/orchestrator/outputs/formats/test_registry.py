"""Where formats may be written, and what happens to what is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.outputs.formats.registry import FORMATS, NAMES, check_formats, write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from orchestrator.outputs.formats.text_names import safe_names
from protos.errors import ConflictError, InvalidInputError


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", FORMATS)
def test_the_run_replaces_its_own_and_nothing_is_left_beside(
    make: Callable[..., Snapshot], tmp_path: Path, name: str
) -> None:
    snapshot = make()
    before = content(snapshot.curated.root)
    check_formats([name], tmp_path / "out", "one", snapshot.curated.root, "copy")
    write_format(name, snapshot, tmp_path / "out")
    first = content(tmp_path / "out")
    write_format(name, make(), tmp_path / "out")
    again = content(tmp_path / "out")
    assert {file: data for file, data in first.items() if not Path(file).name.startswith(".")} == {
        file: data for file, data in again.items() if not Path(file).name.startswith(".")
    }
    left = {entry.name for entry in (tmp_path / "out").iterdir()}
    assert left == {FORMATS[name].name} | (set() if FORMATS[name].folder else {f".{FORMATS[name].name}.json"})
    assert content(snapshot.curated.root) == before


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_somebody_elses_is_refused(make: Callable[..., Snapshot], tmp_path: Path, name: str) -> None:
    place = tmp_path / "out" / FORMATS[name].name
    place.parent.mkdir()
    if FORMATS[name].folder:
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    else:
        place.write_text("mine")
    before = content(tmp_path / "out")
    for call in (
        lambda: write_format(name, make(), tmp_path / "out"),
        lambda: check_formats([name], tmp_path / "out", "one", tmp_path / "data", "copy"),
    ):
        with pytest.raises(ConflictError, match=r"is there already, and not from a run .* nothing was changed"):
            call()
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_another_runs_is_refused(make: Callable[..., Snapshot], tmp_path: Path, name: str) -> None:
    write_format(name, make(run="two"), tmp_path / "out")
    with pytest.raises(ConflictError, match=r"is the result of another run \(two\)"):
        write_format(name, make(), tmp_path / "out")


def test_bad_wishes_get_one_sentence(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    with pytest.raises(InvalidInputError, match=f"--format yolo: it takes {', '.join(NAMES)}"):
        check_formats(["csv", "yolo"], tmp_path / "out", "one", root, "copy")
    with pytest.raises(InvalidInputError, match="--format imagefolder holds images: give --mode copy"):
        check_formats(["imagefolder"], tmp_path / "out", "one", root, "list")
    (tmp_path / "link").symlink_to(root)
    for place in (root, root / "deeper", tmp_path / "link"):
        for name in NAMES:
            with pytest.raises(InvalidInputError, match="would lie inside the data folder"):
                check_formats([name], place, "one", root, "copy")


def test_safe_names_differ_also_where_changes_make_them_equal() -> None:
    names = safe_names(["a?.png", "a*.png", "a_.png", "b/A_.png", "...", " ", "nul", "-x", "x" * 250 + ".png"])
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name.encode()) <= 255 and not name.startswith(("-", ".", " ")) for name in names)
    assert "nul" not in names
