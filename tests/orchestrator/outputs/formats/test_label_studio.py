"""Label Studio: its own kind of tasks, and the address of each image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from orchestrator.outputs.formats.registry import write_format
from orchestrator.outputs.formats.snapshot import Snapshot
from tests.orchestrator.outputs.formats.conftest import PATHS, UNDONE, UNREADABLE, UNSURE


@pytest.fixture
def tasks(snapshot: Snapshot, tmp_path: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(
        (write_format("labelstudio", snapshot, tmp_path) / "tasks.json").read_bytes()
    )
    return read


def chosen(result: dict[str, Any]) -> list[str]:
    return [choice for part in result["result"] for choice in part["value"]["choices"]]


def test_every_image_is_a_task_with_its_address(snapshot: Snapshot, tasks: list[dict[str, Any]]) -> None:
    assert len(tasks) == len(PATHS)
    for path, task in zip(PATHS, tasks, strict=True):
        address = urlsplit(task["data"]["image"])
        assert address.path == "/data/local-files/"
        assert not address.fragment
        place = parse_qs(address.query, errors="surrogateescape", strict_parsing=True)["d"][0]
        assert (snapshot.curated.root.parent / place).samefile(snapshot.curated.root / path)


def test_people_are_annotations_and_the_model_is_a_prediction(snapshot: Snapshot, tasks: list[dict[str, Any]]) -> None:
    positive, negative = snapshot.classes
    assert [chosen(one) for one in tasks[0]["annotations"]] == [[positive], [positive]], "both votes are kept"
    assert [one["meta"]["annotator"] for one in tasks[0]["annotations"]] == ["anna", "bob \\xff"]
    assert [chosen(one) for one in tasks[4]["annotations"]] == [[negative]]
    assert [chosen(one) for one in tasks[UNSURE]["annotations"]] == [["unsure"]]
    assert tasks[UNDONE]["annotations"] == []
    assert tasks[UNREADABLE]["predictions"] == []
    for item, task in enumerate(tasks):
        for one in task["predictions"]:
            probability = float(snapshot.curated.scores[item])
            assert chosen(one) == [positive if probability >= 0.5 else negative]
            assert one["score"] == pytest.approx(max(probability, 1 - probability), abs=1e-5)


def test_the_interface_knows_every_choice(snapshot: Snapshot, tasks: list[dict[str, Any]], tmp_path: Path) -> None:
    view = ElementTree.fromstring((tmp_path / "labelstudio" / "config.xml").read_text(encoding="utf-8"))
    image, choices = view.find("Image"), view.find("Choices")
    assert image is not None
    assert choices is not None
    known = {choice.get("value") for choice in choices}
    assert known == {*snapshot.classes, "unsure"}
    assert (image.get("value"), choices.get("toName")) == ("$image", image.get("name"))
    for task in tasks:
        for one in (*task["annotations"], *task["predictions"]):
            assert set(chosen(one)) <= known
            assert {(part["from_name"], part["to_name"]) for part in one["result"]} == {("side", "image")}


def test_its_own_library_takes_them(tasks: list[dict[str, Any]], tmp_path: Path) -> None:
    interface = pytest.importorskip(
        "label_studio_sdk.label_interface", reason="label-studio-sdk is not installed"
    ).LabelInterface((tmp_path / "labelstudio" / "config.xml").read_text(encoding="utf-8"))
    interface.validate()
    for task in tasks:
        assert interface.validate_task({"data": task["data"]})
        assert all(interface.validate_annotation(one) for one in task["annotations"])
        assert all(interface.validate_prediction(one) for one in task["predictions"])
