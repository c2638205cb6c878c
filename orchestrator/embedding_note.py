"""How far the embedding is, noted beside the journal, so that `status` can tell without asking anybody."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

from orchestrator.rates import Embedding, Rates, WorkerRate

NAME = "embedding.json"
_EVERY_S = 1.0


class EmbeddingNote:
    """The note of one run, written at most once a second.

    Args:
        runtime: the run's folder.
    """

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._next = 0.0

    def update(self, embedding: Embedding) -> None:
        """Writes the note, whole or not at all."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        scratch = self._runtime / f".{NAME}.new"
        scratch.write_text(json.dumps(asdict(embedding)))
        scratch.replace(self._runtime / NAME)

    def done(self) -> None:
        """Takes it away: what is embedded stands in the journal."""
        (self._runtime / NAME).unlink(missing_ok=True)


def read_note(runtime: Path) -> tuple[Embedding, float] | None:
    """The newest note and its age in seconds; None where there is none, or none that can be read."""
    try:
        file = runtime / NAME
        age = max(0.0, time.time() - file.stat().st_mtime)
        found = json.loads(file.read_bytes())
        rates = found["rates"]
        workers = tuple(WorkerRate(str(w["name"]), str(w["device"]), float(w["per_second"])) for w in rates["workers"])
        return Embedding(int(found["done"]), int(found["total"]), Rates(float(rates["per_second"]), workers)), age
    except (OSError, ValueError, TypeError, KeyError):
        return None
