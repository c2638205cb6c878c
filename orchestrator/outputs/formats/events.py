"""Every label event, those that were taken back included, and every flag and note, as JSON Lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.outputs.formats.snapshot import Event, Snapshot
from orchestrator.outputs.formats.text_names import as_text, exact


def write_events(snapshot: Snapshot, path: Path) -> None:
    """One line an event, oldest first."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for event in snapshot.events:
            file.write(json.dumps(_line(snapshot, event), ensure_ascii=False) + "\n")


def write_notes(snapshot: Snapshot, path: Path) -> None:
    """One line a flag or note, oldest first."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for remark in snapshot.remarks:
            line = {
                **_image(snapshot, remark.item),
                "annotator": as_text(remark.annotator),
                "flag": remark.flag,
                "note": as_text(remark.note),
                "time": utc(remark.time_ms),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _line(snapshot: Snapshot, event: Event) -> dict[str, Any]:
    return {
        "position": event.position,
        **_image(snapshot, event.item),
        "answer": event.answer,
        "annotator": as_text(event.annotator),
        "time": utc(event.time_ms),
        "round": event.round,
        "reason": as_text(event.reason),
        "late": event.late,
        "scores_shown": event.scores_shown,
        "head_position": event.head_position,
    }


def _image(snapshot: Snapshot, item: int) -> dict[str, str]:
    image = snapshot.image(item)
    named = {"path": as_text(image.path), "sha256": image.sha256}
    bytes_of_path = exact(image.path)
    return {**named, "path_base64": bytes_of_path} if bytes_of_path else named


def utc(time_ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601, UTC."""
    seconds, rest = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}Z"
