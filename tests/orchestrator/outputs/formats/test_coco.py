"""COCO, read by pycocotools."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from PIL import Image

from orchestrator.outputs.formats.registry import write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from tests.orchestrator.outputs.formats.conftest import PATHS, UNREADABLE, UNSURE

coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")


def test_pycocotools_finds_every_image_on_its_side(snapshot: Snapshot, tmp_path: Path) -> None:
    read = coco.COCO(str(write_format("coco", snapshot, tmp_path / "out")))
    assert [read.cats[number]["name"] for number in (1, 2)] == list(snapshot.classes)
    assert len(read.imgs) == len(PATHS) - 1
    assert read.dataset["info"]["unreadable"] == [PATHS[UNREADABLE]]
    for image in snapshot.images():
        if image.item == UNREADABLE:
            continue
        entry = read.imgs[image.item + 1]
        path = os.fsdecode(base64.b64decode(entry["path_base64"])) if "path_base64" in entry else entry["file_name"]
        assert (path, entry["sha256"]) == (image.path, image.sha256)
        with Image.open(snapshot.curated.root / path) as picture:
            assert picture.size == (entry["width"], entry["height"])
        found = read.loadAnns(read.getAnnIds(imgIds=[entry["id"]]))
        assert [read.cats[one["category_id"]]["name"] for one in found] == (
            [snapshot.class_of(image.side)] if image.side else []
        )
        for one in found:
            assert one["bbox"] == [0, 0, entry["width"], entry["height"]]
            assert one["probability"] == pytest.approx(image.probability, abs=1e-5)
            assert one["source"] == image.source
    assert read.getAnnIds(imgIds=[UNSURE + 1]) == []
    assert len(read.getImgIds(catIds=[1])) == snapshot.curated.sides.count(1)


def test_images_that_are_gone_are_named(snapshot: Snapshot, tmp_path: Path) -> None:
    (snapshot.curated.root / "a.png").unlink()
    read = coco.COCO(str(write_format("coco", snapshot, tmp_path / "out")))
    assert sorted(read.dataset["info"]["unreadable"]) == ["a.png", "unreadable.png"]
    assert "a.png" not in {image["file_name"] for image in read.imgs.values()}
