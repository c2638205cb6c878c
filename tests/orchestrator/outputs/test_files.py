"""Files that are there whole or not at all."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pytest

from orchestrator.outputs.files import replacing, telling_what_failed, write_csv
from protos.errors import ExhaustedError, InvalidInputError


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as scratch:
        scratch.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_folders_are_made(tmp_path: Path) -> None:
    write_csv(tmp_path / "a" / "b" / "t.csv", ("x",), [(1,)])
    assert (tmp_path / "a" / "b" / "t.csv").read_text() == "x\n1\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        InvalidInputError, match=r"file/t\.csv cannot be written \(.*\); allow it, or choose another place"
    ):
        write_csv(tmp_path / "file" / "t.csv", ("x",), [])


def test_a_full_disk_is_said_so() -> None:
    with pytest.raises(ExhaustedError, match="the disk is full"), telling_what_failed(Path("x")):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_for_real() -> None:
    with pytest.raises(ExhaustedError, match="the disk is full"), telling_what_failed(Path("x")):
        Path("/dev/full").write_text("x" * 100_000)


def test_hostile_names_survive(tmp_path: Path, hostile: tuple[Path, list[str]]) -> None:
    _, paths = hostile
    write_csv(tmp_path / "t.csv", ("path", "why"), ((path, "x") for path in paths))
    with (tmp_path / "t.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == paths
