"""FiftyOne's image classification folder, read by its importer where it is installed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from orchestrator.outputs.formats.registry import write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from tests.orchestrator.outputs.formats.conftest import BAD, PATHS


def test_keys_lead_to_images_and_labels(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = write_format("fiftyone", snapshot, tmp_path / "out")
    places, labels = (json.loads((folder / name).read_bytes()) for name in ("data.json", "labels.json"))
    assert labels["classes"] == list(snapshot.classes)
    assert len(places) == len(PATHS)
    for image in snapshot.images():
        key = f"{image.item:09}"
        content = (folder / places[key]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == image.sha256 or not image.sha256
        assert places[key].startswith("images/") == (image.item == BAD)
        assert (key in labels["labels"]) == bool(image.side)
        if image.side:
            assert labels["labels"][key]["label"] == snapshot.class_of(image.side)
            assert ("confidence" in labels["labels"][key]) == (image.source == "prediction")


def test_its_importer_reads_it(snapshot: Snapshot, tmp_path: Path) -> None:
    importers = pytest.importorskip("fiftyone.utils.data.importers", reason="fiftyone is not installed")
    folder = write_format("fiftyone", snapshot, tmp_path / "out")
    images = list(snapshot.images())
    with importers.FiftyOneImageClassificationDatasetImporter(str(folder), data_path="data.json") as reader:
        assert reader.get_dataset_info() == {"classes": list(snapshot.classes)}
        read = [(Path(path), label) for path, _, label in reader]
    placed = [image for image in images if image.side]
    assert len(read) == len(placed)
    for image, (path, label) in zip(placed, read, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == image.sha256
        assert label.label == snapshot.class_of(image.side)
        assert (label["path"], label["sha256"], label["bin"]) == (
            "bad-\\xff\\x80.png" if image.item == BAD else image.path,
            image.sha256,
            image.bin,
        )
        assert label["probability"] == pytest.approx(image.probability)
