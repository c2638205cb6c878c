"""Hugging Face image folders, read by `datasets`."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.outputs.formats.registry import write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from orchestrator.outputs.ownership import MARKER


def read(folder: Path, cache: Path, **more: Any) -> Any:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    return datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(cache), split="train", **more)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_datasets_reads_every_image_with_its_side(make: Callable[..., Snapshot], tmp_path: Path, mode: str) -> None:
    snapshot = make(mode)
    table = read(write_format("imagefolder", snapshot, tmp_path / "out"), tmp_path / "cache")
    wanted = {image.path: image for image in snapshot.images() if image.side}
    assert len(table) == len(wanted)
    for row in table:
        path = os.fsdecode(base64.b64decode(row["path_base64"])) if row["path_base64"] else row["path"]
        image = wanted.pop(path)
        assert (row["label"], row["source"], row["sha256"]) == (image.side, image.source, image.sha256)
        assert row["probability"] == pytest.approx(image.probability)
        assert row["image"].getpixel((0, 0)) == (image.item * 10, 0, 0), "it is the picture of that row"
    assert wanted == {}


def test_sides_become_classes(snapshot: Snapshot, tmp_path: Path) -> None:
    table = read(write_format("imagefolder", snapshot, tmp_path / "out"), tmp_path / "cache")
    sides = table["label"][:]
    classes = table.class_encode_column("label")
    assert classes.features["label"].names == ["negative", "positive"]
    assert [classes.features["label"].names[number] for number in classes["label"]] == sides


def test_files_are_the_originals_under_harmless_names(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = write_format("imagefolder", snapshot, tmp_path / "out")
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in (MARKER, "metadata.jsonl")]
    digests = {image.sha256 for image in snapshot.images() if image.side}
    assert {hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == digests
    assert len({file.name.lower() for file in files}) == len(files)
    for file in files:
        assert not set(file.name) & set('*?[]:"<>|#%&\n\\')
        file.name.encode("utf-8")
    assert "a.png" not in {file.name for file in files}, "a.png, c/a.png and C/A.png share their name"
    assert "b.png" in {file.name for file in files}


def test_images_that_are_gone_are_left_out(snapshot: Snapshot, tmp_path: Path) -> None:
    (snapshot.curated.root / "b.png").unlink()
    folder = write_format("imagefolder", snapshot, tmp_path / "out")
    assert '"path": "b.png"' not in (folder / "train" / "metadata.jsonl").read_text()
