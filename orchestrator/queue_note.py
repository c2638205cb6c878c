"""How far the labeling of a batch is, noted beside the journal, so that `status` can tell without asking the labeler."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.clients.labeler import QueueState

NAME = "labeling.json"


@dataclass(frozen=True)
class QueueNote:
    """Cards of a round: on offer and not answered, and answers by kind."""

    round: int
    open: int
    positive: int
    negative: int
    unsure: int

    def __str__(self) -> str:
        answered = self.positive + self.negative + self.unsure
        return (
            f"{answered} answered ({self.positive} positive, {self.negative} negative, {self.unsure} unsure),"
            f" {self.open} to go"
        )


def note_queue(runtime: Path, number: int, queue: QueueState) -> None:
    """Writes the note, whole or not at all, where it changes."""
    note = QueueNote(number, queue.open, queue.positive, queue.negative, queue.unsure)
    if read_note(runtime) != note:
        scratch = runtime / f".{NAME}.new"
        scratch.write_text(json.dumps(asdict(note)))
        scratch.replace(runtime / NAME)


def read_note(runtime: Path) -> QueueNote | None:
    """The newest note, or None."""
    try:
        return QueueNote(**json.loads((runtime / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
