"""The curated data set on disk."""

from __future__ import annotations

import csv
import errno
import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.outputs.curated import choose_sides
from orchestrator.outputs.final_dataset import Curated, Mode, build_final_dataset
from orchestrator.outputs.ownership import DATASET, MARKER
from protos.errors import ConflictError, InvalidInputError


def curated(root: Path, paths: list[str], scores: list[float], answers: dict[int, str], run: str = "one") -> Curated:
    values = np.array(scores, dtype=np.float32)
    return Curated(run, root, paths, choose_sides(values, answers), values)


@pytest.fixture
def some(tmp_path: Path) -> Curated:
    """Six images: positive and negative by label and by score, one unsure, one quarantined."""
    root = tmp_path / "data"
    paths = ["a.png", "b.png", "c/a.png", "d.png", "e.png", "f.png"]
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    answers = {0: "positive", 1: "negative", 4: "unsure"}
    return curated(root, paths, [0.1, 0.9, 0.5, 0.4, 0.9, float("nan")], answers)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.name != MARKER and file.is_file()
    }


def test_every_image_is_on_its_side_once(tmp_path: Path, some: Curated) -> None:
    built = build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")
    rows = {row["path"]: row for row in table(tmp_path / "t.csv")}
    assert {path: (row["side"], row["source"], row["probability"]) for path, row in rows.items()} == {
        "a.png": ("positive", "label", "0.1"),
        "b.png": ("negative", "label", "0.9"),
        "c/a.png": ("positive", "prediction", "0.5"),
        "d.png": ("negative", "prediction", "0.4"),
    }
    assert content(tmp_path / "out" / DATASET) == {row["file"]: path.encode() for path, row in rows.items()}
    assert (built.folder, built.positive, built.negative, built.missing) == (tmp_path / "out" / DATASET, 2, 2, [])
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [DATASET]


def test_before_any_training_only_labels_count(tmp_path: Path, some: Curated) -> None:
    blind = curated(some.root, some.paths, [float("nan")] * 6, {0: "positive", 1: "negative"})
    assert build_final_dataset(blind, tmp_path / "out", tmp_path / "t.csv").positive == 1
    assert [row["probability"] for row in table(tmp_path / "t.csv")] == ["", ""]


def test_digests_are_told_where_known(tmp_path: Path, some: Curated) -> None:
    digests = np.zeros((6, 32), dtype=np.uint8)
    digests[0] = np.frombuffer(hashlib.sha256(b"a.png").digest(), dtype=np.uint8)
    build_final_dataset(replace(some, sha256=digests), tmp_path / "out", tmp_path / "t.csv")
    assert [row["sha256"] for row in table(tmp_path / "t.csv")] == [hashlib.sha256(b"a.png").hexdigest(), "", "", ""]


def test_the_same_again_replaces_the_old_one(tmp_path: Path, some: Curated) -> None:
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")
    first = content(tmp_path / "out" / DATASET), (tmp_path / "t.csv").read_bytes()
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")
    assert (content(tmp_path / "out" / DATASET), (tmp_path / "t.csv").read_bytes()) == first
    other = curated(some.root, some.paths, [0.9] * 6, {})
    build_final_dataset(other, tmp_path / "out", tmp_path / "t.csv")
    assert len(content(tmp_path / "out" / DATASET)) == 6
    assert not any((tmp_path / "out" / DATASET / "negative").iterdir())
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [DATASET]


def test_another_runs_data_set_is_kept(tmp_path: Path, some: Curated) -> None:
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")
    before = content(tmp_path / "out" / DATASET)
    with pytest.raises(ConflictError, match=r"another run \(one\)"):
        build_final_dataset(replace(some, run="two"), tmp_path / "out", tmp_path / "t2.csv")
    assert content(tmp_path / "out" / DATASET) == before
    assert not (tmp_path / "t2.csv").exists()


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_modes_give_the_same_content_and_leave_the_originals(tmp_path: Path, some: Curated, mode: Mode) -> None:
    before = {path: ((some.root / path).read_bytes(), (some.root / path).stat().st_mtime_ns) for path in some.paths}
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv", mode)
    file = tmp_path / "out" / DATASET / "negative" / "b.png"
    assert file.read_text() == "b.png"
    assert file.is_symlink() == (mode == "symlink")
    assert (file.stat().st_ino == (some.root / "b.png").stat().st_ino) == (mode != "copy")
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv", mode)  # throws the old one away
    assert {
        path: ((some.root / path).read_bytes(), (some.root / path).stat().st_mtime_ns) for path in some.paths
    } == before


def test_a_list_makes_the_table_alone(tmp_path: Path, some: Curated) -> None:
    built = build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv", "list")
    assert (built.folder, built.positive, built.negative) == (None, 2, 2)
    assert not (tmp_path / "out").exists()
    assert [row["file"] for row in table(tmp_path / "t.csv")] == [""] * 4


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_where_links_are_impossible_files_are_copied(
    tmp_path: Path, some: Curated, mode: Mode, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv", mode)
    assert len(content(tmp_path / "out" / DATASET)) == 4
    assert not (tmp_path / "out" / DATASET / "negative" / "b.png").is_symlink()
    assert "files are copied" in caplog.text


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_an_image_that_is_gone_is_left_out_and_named(tmp_path: Path, some: Curated, mode: Mode) -> None:
    (some.root / "a.png").unlink()
    built = build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv", mode)
    assert (built.positive, built.negative, built.missing) == (1, 2, ["a.png"])
    assert {row["path"]: row["file"] for row in table(tmp_path / "t.csv")}["a.png"] == ""
    assert len(content(tmp_path / "out" / DATASET)) == 3


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_hostile_names(tmp_path: Path, hostile: tuple[Path, list[str]], mode: Mode) -> None:
    root, paths = hostile
    everything = curated(root, paths, [0.9] * len(paths), {})
    build_final_dataset(everything, tmp_path / "out", tmp_path / "t.csv", mode)
    folder = tmp_path / "out" / DATASET
    assert [row["path"] for row in table(tmp_path / "t.csv")] == paths
    for row in table(tmp_path / "t.csv"):
        assert (folder / row["file"]).read_bytes() == os.fsencode(row["path"])
    assert len(list((folder / "positive").iterdir())) == len(paths)


def test_read_only_data_is_no_hindrance(tmp_path: Path, some: Curated) -> None:
    for entry in [*some.root.rglob("*"), some.root]:
        entry.chmod(0o555 if entry.is_dir() else 0o444)
    try:
        for _ in range(2):
            build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")
        assert os.access(tmp_path / "out" / DATASET / "negative" / "b.png", os.W_OK)
    finally:
        for entry in [some.root, *some.root.rglob("*")]:
            entry.chmod(0o755)


def test_arrays_of_another_catalog_are_refused(tmp_path: Path, some: Curated) -> None:
    with pytest.raises(InvalidInputError, match=r"arrays of \[6\] rows do not belong to a catalog of 5 images"):
        build_final_dataset(replace(some, paths=some.paths[1:]), tmp_path / "out", tmp_path / "t.csv")
    with pytest.raises(InvalidInputError, match="do not belong"):
        build_final_dataset(
            replace(some, sha256=np.zeros((5, 32), dtype=np.uint8)), tmp_path / "out", tmp_path / "t.csv"
        )
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, some: Curated) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(InvalidInputError, match="final_dataset cannot be written"):
        build_final_dataset(some, tmp_path / "out", tmp_path / "t.csv")


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from orchestrator.outputs import final_dataset, transfer
from orchestrator.outputs.curated import choose_sides
root, out, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
calls = 0
def counted(name):
    global calls
    if name in ("open", "os.rename", "os.mkdir") and str(out).encode() in repr(counted.args).encode():
        calls += 1
        if calls == at:
            os.kill(os.getpid(), 9)
def hook(name, args):
    counted.args = args
    counted(name)
scores = np.full(6, float(sys.argv[4]), dtype=np.float32)
paths = ["a.png", "b.png", "c/a.png", "d.png", "e.png", "f.png"]
made = final_dataset.Curated("one", root, paths, choose_sides(scores, {}), scores)
sys.addaudithook(hook)
final_dataset.build_final_dataset(made, out, out / "t.csv")
"""


def test_a_kill_at_any_moment_leaves_a_whole_one_or_none(tmp_path: Path, some: Curated) -> None:
    out = tmp_path / "out"
    build_final_dataset(some, out, out / "t.csv")
    old, new = 4, 6
    seen = set()
    for at in range(1, 60, 3):
        code = subprocess.run([sys.executable, "-c", KILLED, some.root, out, str(at), "0.9"], check=False).returncode
        assert code in (0, -9)
        files = len(content(out / DATASET)) if (out / DATASET).exists() else 0
        assert files in (0, old, new)
        seen.add((code, files))
        build_final_dataset(some, out, out / "t.csv")  # the resumed run
        assert len(content(out / DATASET)) == old
        assert sorted(entry.name for entry in out.iterdir() if not entry.name.endswith(".new")) == [DATASET, "t.csv"]
        if code == 0:
            break
    assert (-9, old) in seen
    assert (0, new) in seen


def test_ten_thousand_files_in_a_few_seconds(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    paths = [f"{number:05}.jpg" for number in range(10_000)]
    for path in paths:
        (root / path).write_bytes(b"x" * 1000)
    everything = curated(root, paths, [number / 10_000 for number in range(10_000)], {})
    start = time.monotonic()
    built = build_final_dataset(everything, tmp_path / "out", tmp_path / "t.csv")
    assert time.monotonic() - start < 90  # about 2 s on a quiet machine
    assert (built.positive, built.negative) == (5000, 5000)
