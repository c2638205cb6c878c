"""A run's results in every format, and its model in every file: they tell the same story."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.journal import Journal
from tests.support.command import HOG, label_rows, run_command
from tests.support.pictures import draw_data_set, picture

FORMATS = ("csv", "jsonl", "notes", "coco", "labelstudio", "fiftyone", "imagefolder", "parquet")
MADE = (
    "images.csv",
    "labels.jsonl",
    "notes.jsonl",
    "coco.json",
    "labelstudio",
    "fiftyone",
    "imagefolder",
    "images.parquet",
)


def _digests(folder: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two rounds that waits at its third question, and its data set."""
    folder = tmp_path_factory.mktemp("exports")
    draw_data_set(folder / "data", positives=8, negatives=22)
    (folder / "data" / "Unlabeled" / "broken.jpg").write_bytes(b"no image at all")
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    arguments = ["run", *HOG, "--data", folder / "data", "--reference", folder / "reference.png", "--port", "0"]
    run_command(*arguments, "--simulate", "ring", "--sample-size", "4", cwd=folder, typed="10\n0\nl\nl\n")
    return folder


@pytest.fixture(scope="module")
def exported(place: Path) -> Path:
    before = _digests(place / "data")
    wishes = [part for name in ("folders", *FORMATS) for part in ("--format", name)]
    models = [part for kind in ("ckpt", "safetensors", "onnx") for part in ("--model", kind)]
    done = run_command("export", place / "runtime", "--output", place / "out", *wishes, *models, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (*MADE, "final_dataset", "final_model.ckpt", "final_model.safetensors", "final_model.onnx"):
        assert str(place / "out" / name) in done.stdout
    assert _digests(place / "data") == before
    return place / "out"


def _images(out: Path) -> list[dict[str, str]]:
    with (out / "images.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_formats_tell_of_the_same_images(exported: Path) -> None:
    images = _images(exported)
    sides = {row["path"]: row["side"] for row in images if row["side"]}
    assert len(images) == 31
    assert {row["path"]: row["bin"] for row in images}["broken.jpg"] == "unreadable"
    assert sum(row["source"] == "label" for row in images) == 18
    coco = json.loads((exported / "coco.json").read_bytes())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    found = {names[one["image_id"]]: ("positive", "negative")[one["category_id"] - 1] for one in coco["annotations"]}
    assert found == sides
    lines = (exported / "imagefolder" / "train" / "metadata.jsonl").read_text().splitlines()
    assert {row["path"]: row["label"] for row in map(json.loads, lines)} == sides
    with (exported / "final_dataset.csv").open() as file:
        assert {row["path"]: row["side"] for row in csv.DictReader(file)} == sides
    tasks = json.loads((exported / "labelstudio" / "tasks.json").read_bytes())
    assert sum(bool(task["annotations"]) for task in tasks) == 18
    assert len(json.loads((exported / "fiftyone" / "labels.json").read_bytes())["labels"]) == len(sides)


def test_every_event_says_which_head_chose_it(exported: Path, place: Path) -> None:
    events: list[dict[str, Any]] = [json.loads(line) for line in (exported / "labels.jsonl").read_text().splitlines()]
    assert len(events) == len(label_rows(place / "runtime")) == 18
    assert [event["head_position"] for event in events] == [None] * 10 + [10] * 4 + [14] * 4
    assert all(event["annotator"] and event["time"].endswith("Z") and event["sha256"] for event in events)


def test_each_model_predicts_what_the_run_says(exported: Path, place: Path, tmp_path: Path) -> None:
    expected = {row["path"]: row["probability"] for row in _images(exported)}
    for kind in ("ckpt", "safetensors", "onnx"):
        table = tmp_path / f"{kind}.csv"
        model, data = exported / f"final_model.{kind}", place / "data" / "Unlabeled"
        done = run_command("predict", model, data, "--output", table, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        with table.open() as file:
            rows = {row["path"]: row for row in csv.DictReader(file)}
        assert rows.keys() == expected.keys()
        assert "no image of a known format" in rows.pop("broken.jpg")["reason"]
        for path, row in rows.items():
            assert float(row["probability"]) == pytest.approx(float(expected[path]), abs=2e-4)


def test_what_is_not_named_is_not_written(exported: Path, place: Path, tmp_path: Path) -> None:
    done = run_command("export", place / "runtime", "--output", tmp_path, "--format", "csv", cwd=place)
    assert done.returncode == 0, done.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".images.csv.json", "images.csv"]
    assert (tmp_path / "images.csv").read_bytes() == (exported / "images.csv").read_bytes()


def test_bad_wishes_are_refused_before_anything_is_done(place: Path, tmp_path: Path) -> None:
    data = place / "data" / "Unlabeled"
    (tmp_path / "coco.json").write_text("mine")
    for arguments, code, sentence in (
        (["--output", tmp_path, "--format", "yolo"], 2, "--format yolo: it takes folders, csv"),
        (["--output", tmp_path, "--model", "pickle"], 2, "--model pickle: it takes ckpt, safetensors, onnx"),
        (["--output", tmp_path, "--mode", "move"], 2, "--mode move"),
        (["--output", tmp_path, "--format", "csv", "--format", "coco"], 4, "not from a run of Active Labeler"),
        (["--output", data, "--format", "csv"], 2, "would lie inside the data folder"),
        (["--output", data, "--model", "onnx"], 2, "would lie inside the data folder"),
        (["--output", data], 2, "would lie inside the data folder"),
    ):
        refused = run_command("export", place / "runtime", *arguments, cwd=tmp_path)
        assert (refused.returncode, sentence in refused.stderr) == (code, True), refused.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["coco.json"]


def test_a_run_at_work_is_not_exported(place: Path, tmp_path: Path) -> None:
    journal = Journal(place / "runtime" / "journal.jsonl")
    refused = run_command("export", place / "runtime", "--output", tmp_path, "--format", "csv", cwd=tmp_path)
    journal.close()
    assert refused.returncode == 4
    assert "another process" in refused.stderr


def test_without_a_no_there_is_no_model(place: Path, tmp_path: Path) -> None:
    arguments = ["run", *HOG, "--data", place / "data", "--reference", place / "reference.png", "--port", "0"]
    run_command(*arguments, "--simulate", "_", "--sample-size", "4", cwd=tmp_path, typed="5\n0\n")
    refused = run_command("export", "runtime", "--output", tmp_path / "out", "--model", "onnx", cwd=tmp_path)
    assert refused.returncode == 4, refused.stdout
    assert "has no model yet: there is no yes and no to learn from" in refused.stderr
