"""The file of a backup: what is wrong with one is said, and nothing of it gets out."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.archive import reading, writing
from protos.errors import ActiveLabelerError, ConflictError, DamagedError, InvalidInputError, NotFoundError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with writing(tmp_path / "run.tar", "r1") as writer:
        writer.add_bytes("runtime/journal.jsonl", b"one\ntwo\n")
        writer.add_bytes("artifacts/a/b.npy", b"x" * 3_000_000)
    return tmp_path / "run.tar"


def _rewritten(archive: Path, change: Callable[[tarfile.TarFile, dict[str, Any]], None]) -> Path:
    """The same archive with more in it, or another table; what was in it stays."""
    other = archive.with_name("other.tar")
    with tarfile.open(archive) as old, tarfile.open(other, "w") as new:
        table: dict[str, Any] = {}
        for member in old.getmembers():
            data = old.extractfile(member)
            assert data is not None
            if member.name == "backup.json":
                table = json.loads(data.read())
            else:
                new.addfile(member, data)
        change(new, table)
        text = json.dumps(table).encode()
        member = tarfile.TarInfo("backup.json")
        member.size = len(text)
        new.addfile(member, io.BytesIO(text))
    return other


def test_what_goes_in_comes_out(archive: Path, tmp_path: Path) -> None:
    with reading(archive) as reader:
        assert reader.run == "r1"
        reader.copy("runtime/journal.jsonl", tmp_path / "out" / "journal.jsonl")
    assert (tmp_path / "out" / "journal.jsonl").read_bytes() == b"one\ntwo\n"
    assert archive.stat().st_mode & 0o077 == 0


def test_an_archive_that_failed_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing(tmp_path / "run.tar", "r1"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_an_existing_file_and_a_missing_folder_are_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="exists already"), writing(archive, "r1"):
        pass
    with pytest.raises(NotFoundError, match="make it, or give another name"), writing(tmp_path / "no" / "a.tar", "r1"):
        pass


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "runtime/../../evil",
        "/etc/passwd",
        "runtime//a",
        "evil",
        "runtime",
        "other/a",
        "./runtime/a",
        "artifacts/a/../../b",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(archive: Path, name: str) -> None:
    def change(new: tarfile.TarFile, table: dict[str, Any]) -> None:
        member = tarfile.TarInfo(name)
        member.size = 4
        new.addfile(member, io.BytesIO(b"evil"))
        table["files"][name] = {"sha256": "0" * 64, "bytes": 4}

    with pytest.raises(InvalidInputError, match="which no backup holds"), reading(_rewritten(archive, change)):
        pass


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_only_plain_files_are_taken(archive: Path, kind: bytes) -> None:
    def change(new: tarfile.TarFile, table: dict[str, Any]) -> None:
        member = tarfile.TarInfo("runtime/link")
        member.type, member.linkname = kind, "/etc/passwd"
        new.addfile(member)
        table["files"]["runtime/link"] = {"sha256": "0" * 64, "bytes": 0}

    with pytest.raises(InvalidInputError, match="'runtime/link', which no backup holds"):
        with reading(_rewritten(archive, change)):
            pass


_TABLES: list[tuple[Callable[[dict[str, Any]], Any], type[ActiveLabelerError], str]] = [
    (
        lambda table: table.update(format=2),
        ConflictError,
        "has format 2, and this version knows 1; install the version",
    ),
    (lambda table: table.update(format="x"), DamagedError, "cannot be read"),
    (lambda table: table.pop("format"), DamagedError, "cannot be read"),
    (lambda table: table.pop("run"), DamagedError, "names no run"),
    (lambda table: table.update(files=[]), DamagedError, "names no run or no files"),
    (lambda table: table["files"].popitem(), DamagedError, "not those of its table"),
    (
        lambda table: table["files"].update({"runtime/more": {"sha256": "0" * 64, "bytes": 1}}),
        DamagedError,
        "not those",
    ),
    (
        lambda table: table["files"].update({"artifacts/a/b.npy": {"sha256": "x", "bytes": 1}}),
        DamagedError,
        "no digests",
    ),
]


@pytest.mark.parametrize(("change", "kind", "sentence"), _TABLES)
def test_a_table_that_does_not_fit(
    archive: Path, change: Callable[[dict[str, Any]], Any], kind: type[ActiveLabelerError], sentence: str
) -> None:
    other = _rewritten(archive, lambda _, table: change(table))
    with pytest.raises(kind, match=sentence), reading(other):
        pass


def test_a_flipped_byte_is_noticed(archive: Path, tmp_path: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[data.index(b"x" * 100) + 50] ^= 1
    archive.write_bytes(data)
    with pytest.raises(DamagedError, match=r"artifacts/a/b\.npy is not what was saved"), reading(archive) as reader:
        reader.copy("artifacts/a/b.npy", tmp_path / "b.npy")


@pytest.mark.parametrize("size", [0, 100, 1000, 2_000_000, 3_002_400])
def test_a_cut_off_archive_is_noticed(archive: Path, size: int) -> None:
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(DamagedError, match="use another copy"), reading(archive):
        pass


def test_no_archive_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no backup"), reading(tmp_path / "no.tar"):
        pass
    (tmp_path / "a.tar").write_bytes(b"GIF89a" * 1000)
    with pytest.raises(DamagedError, match="no backup"), reading(tmp_path / "a.tar"):
        pass
