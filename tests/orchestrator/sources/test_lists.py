"""Lists of files: each kind gives the same paths, and what is wrong with one is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.reporting import TerminalReporter
from orchestrator.sources.listing import list_source, url_of
from orchestrator.sources.lists import is_list, read_list
from protos.errors import InvalidInputError

NAMES = ["b/2.png", "a, with a comma.jpg", "ä.webp"]


def write(folder: Path, kind: str, names: list[str] = NAMES) -> Path:
    file = folder / f"list.{kind}"
    match kind:
        case "csv":
            quoted = (f'{n},"{name}"\n' for n, name in enumerate(names))
            file.write_text("\ufeffnumber,Path\n" + "".join(quoted) + "\n", encoding="utf-8")
        case "tsv":
            file.write_text("image\tclass\n" + "".join(f"{name}\tx\n" for name in names))
        case "jsonl":
            lines = [json.dumps({"file_name": name}) for name in names[:-1]] + [json.dumps(names[-1])]
            file.write_text("\n".join(lines) + "\n\n")
        case "parquet":
            pq.write_table(pa.table({"n": list(range(len(names))), "filepath": names}), file)
        case _:
            file.write_text("\n".join(names))
    return file


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "txt"])
def test_every_kind_names_the_same_files(kind: str, tmp_path: Path) -> None:
    file = write(tmp_path, kind)
    assert is_list(file) and read_list(file) == NAMES


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "has no column named path, file, .* it has none"),
        ("a.csv", b"x,y\n1,2\n", "it has x, y: name the one with the paths so"),
        ("a.csv", b"x,path\n1\n", "line 2 of the list .* has 1 columns; the path is in column 2"),
        ("a.csv", b"path\n\n", "names no file"),
        ("a.csv", b"path\na\0b\n", "no path|cannot be read"),
        ("a.jsonl", b"{", "line 1 of the list .* is no JSON"),
        ("a.jsonl", b'"a.png"\n{"path": 3}\n', "line 2 of the list .* has no text under path, file"),
        ("a.parquet", b"PAR1 nothing", "cannot be read"),
        ("a.txt", b"\n \n", "names no file"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=sentence):
        read_list(tmp_path / name)
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        read_list(tmp_path / f"absent{name}")


def listed(data: Path, root: Path | None = None) -> tuple[Path, list[str], list[str]]:
    source = list_source(data, data.parent / "mirrors", TerminalReporter(quiet=True), root)
    return source.root, [path for path, _, _ in source.images], source.notes


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_paths_start_at_the_list_or_at_the_folder_that_holds_all(tmp_path: Path) -> None:
    make(tmp_path, "lists/in/1.png", "lists/2.dat", "other/deep/3.png", "other/4")
    below = write(tmp_path / "lists", "txt", ["in/1.png", "./2.dat", "in/../in/1.png", "in/1.png"])
    assert listed(below) == (tmp_path / "lists", ["2.dat", "in/1.png"], ["1 are in the list twice"])
    beside = write(tmp_path / "lists", "csv", [str(tmp_path / "other/deep/3.png"), "../other/4", "../other/5"])
    root, paths, notes = listed(beside)
    assert (root, paths, notes) == (tmp_path / "other", ["4", "5", "deep/3.png"], ["1 are not there, 5 for example"])
    assert listed(below, tmp_path)[1] == ["lists/2.dat", "lists/in/1.png"]
    with pytest.raises(InvalidInputError, match=r"lies outside of .*lists, where the paths of this run start"):
        listed(beside, tmp_path / "lists")


def test_lists_of_nothing_or_of_both_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none of the 2 files in the list .* is there, a.png for example"):
        listed(write(tmp_path, "txt", ["a.png", "b.png"]))
    with pytest.raises(InvalidInputError, match="mixes files of this machine with URLs"):
        listed(write(tmp_path, "txt", ["a.png", "s3://bucket/b.png"]))


def test_a_url_is_known_also_where_it_was_read_as_a_path() -> None:
    assert url_of(Path("s3://bucket/a/b")) == url_of("s3://bucket/a/b") == "s3://bucket/a/b"
    assert url_of(Path("file:///tmp/x")) == "file:///tmp/x"
    assert url_of(Path("/tmp/s3:/x")) is None and url_of(Path("photos")) is None
