"""Label Studio: tasks with people's answers as annotations and the model's as predictions, and the labeling interface."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from orchestrator.outputs.formats.events import utc
from orchestrator.outputs.formats.snapshot import Event, ImageRecord, Snapshot
from orchestrator.outputs.formats.text_names import as_text, exact

TASKS, CONFIG = "tasks.json", "config.xml"
UNSURE = "unsure"


def fill_label_studio(snapshot: Snapshot, folder: Path) -> None:
    """Writes ``tasks.json`` and ``config.xml``.

    Images are named by Label Studio's local files: its document root has to be the folder that the data root lies in.
    """
    votes = snapshot.votes()
    with (folder / TASKS).open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for image in snapshot.images():
            task = _task(snapshot, image, votes.get(image.item, []))
            file.write((",\n" if image.item else "\n") + json.dumps(task, ensure_ascii=False))
        file.write("\n]\n")
    (folder / CONFIG).write_text(config(snapshot), encoding="utf-8")


def config(snapshot: Snapshot) -> str:
    """The labeling interface: an image, and one choice of three."""
    choices = "".join(f"<Choice value={_attribute(name)}/>" for name in (*snapshot.classes, UNSURE))
    return (
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="side" toName="image" choice="single" showInline="true">{choices}</Choices></View>\n'
    )


def _attribute(text: str) -> str:
    return quoteattr("".join(char if char.isprintable() else "?" for char in as_text(text)))


def _task(snapshot: Snapshot, image: ImageRecord, votes: Sequence[Event]) -> dict[str, Any]:
    address = quote(os.fsencode(f"{snapshot.curated.root.absolute().name}/{image.path}"))
    data = {"image": f"/data/local-files/?d={address}", "path": as_text(image.path), "sha256": image.sha256}
    data |= {"bin": image.bin, **({"path_base64": exact(image.path)} if exact(image.path) else {})}
    task: dict[str, Any] = {"data": data, "annotations": [_annotation(snapshot, vote) for vote in votes]}
    task["predictions"] = [] if image.probability is None else [_prediction(snapshot, image, image.probability)]
    return task


def _annotation(snapshot: Snapshot, vote: Event) -> dict[str, Any]:
    choice = UNSURE if vote.answer == UNSURE else snapshot.class_of(vote.answer)
    return {
        "result": _result(choice, vote.position),
        "created_at": utc(vote.time_ms),
        "meta": {"annotator": as_text(vote.annotator), "round": vote.round, "reason": as_text(vote.reason)},
    }


def _prediction(snapshot: Snapshot, image: ImageRecord, probability: float) -> dict[str, Any]:
    positive = probability >= snapshot.threshold
    return {
        "model_version": snapshot.curated.run,
        "score": float(f"{probability if positive else 1 - probability:.6g}"),
        "result": _result(snapshot.classes[0 if positive else 1], image.item),
    }


def _result(choice: str, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"a{number}",
            "from_name": "side",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": [as_text(choice)]},
        }
    ]
