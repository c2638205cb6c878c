"""What a response carries beside its artifacts, kept as a small JSON artifact, so that a repeated call gives the same answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from services.common.artifacts import ArtifactStore
from services.trainer.quality import Quality


@dataclass(frozen=True)
class Note:
    """Quality on the validation split, the epoch that was kept (counted from 1), how long it took, and what else there is.

    Attributes:
        out_of_fold: whether out-of-fold probabilities were published beside the head.
        refused: whether fine-tuning was of no use, and the old encoder stays.
        verdict: of fine-tuning, in one sentence.
        held_back: labels that a head has not learned from, because they are doubted.
    """

    quality: Quality
    best_epoch: int
    seconds: float
    out_of_fold: bool = False
    refused: bool = False
    verdict: str = ""
    held_back: int = 0


def keep_note(store: ArtifactStore, name: str, note: Note) -> None:
    """Publishes a note under ``name``."""
    store.put(name, json.dumps(asdict(note)).encode())


def find_note(store: ArtifactStore, name: str) -> Note | None:
    """The note under ``name``, or None."""
    found = store.find(name)
    if found is None:
        return None
    entries = json.loads(store.open(found).read_bytes())
    return Note(**{**entries, "quality": Quality(**entries["quality"])})
