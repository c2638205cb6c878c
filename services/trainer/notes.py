"""What a response carries beside its artifacts, kept as a small JSON artifact, so that a repeated call gives the same answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from services.common.artifacts import ArtifactStore
from services.trainer.quality import Quality


@dataclass(frozen=True)
class Note:
    """Quality on the validation split, the epoch that was kept (counted from 1), and how long it took."""

    quality: Quality
    best_epoch: int
    seconds: float


def keep_note(store: ArtifactStore, name: str, note: Note) -> None:
    """Publishes a note under ``name``."""
    store.put(name, json.dumps(asdict(note)).encode())


def find_note(store: ArtifactStore, name: str) -> Note | None:
    """The note under ``name``, or None."""
    found = store.find(name)
    if found is None:
        return None
    entries = json.loads(store.open(found).read_bytes())
    return Note(Quality(**entries["quality"]), entries["best_epoch"], entries["seconds"])
