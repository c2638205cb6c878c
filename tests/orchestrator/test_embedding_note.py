"""How far the embedding is, as `status` reads it: lines, the note's age, and notes that are none."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.embedding_note import NAME, EmbeddingNote, read_note
from orchestrator.folder import RunFolder
from orchestrator.journal import Journal
from orchestrator.rates import Embedding, Rates, WorkerRate
from orchestrator.standing import describe

TWO = (WorkerRate("gpu-host-ab12", "cuda:0 NVIDIA H200", 150.2), WorkerRate("b-cd34", "cpu", 9.6))
HALF = Embedding(500, 1000, Rates(160, TWO))


def test_what_is_noted_is_read(tmp_path: Path) -> None:
    note = EmbeddingNote(tmp_path)
    assert read_note(tmp_path) is None
    note.update(HALF)
    found = read_note(tmp_path)
    assert found is not None
    assert found[0] == HALF and found[1] < 60
    note.update(Embedding(501, 1000, Rates(1)))  # within the same second: not worth a file
    assert (read_note(tmp_path) or (None,))[0] == HALF
    note.done()
    assert read_note(tmp_path) is None and list(tmp_path.iterdir()) == []
    note.done()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"done": 1}', '{"done": 1, "total": 2, "rates": {"per_second": "x", "workers": []}}'],
)
def test_what_is_no_note_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert read_note(tmp_path) is None


def test_status_tells_who_is_at_work_and_one_time_for_all(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "r")
    EmbeddingNote(tmp_path).update(HALF)
    journal = Journal(folder.journal)
    journal.once("catalog", dict[str, int], lambda: {"images": 1000})
    assert "embedding" not in describe(folder)  # what comes next is something else: the note is of an earlier attempt
    journal.once("encoder", dict[str, int], dict)
    assert (
        "  embedding   500 of 1000 images, 160 images/s, 0:00:03 left\n"
        "              gpu-host-ab12  150 images/s  cuda:0 NVIDIA H200\n"
        "              b-cd34         10 images/s  cpu\n"
    ) in describe(folder)
    then = time.time() - 90
    os.utime(tmp_path / NAME, (then, then))
    assert "0:00:03 left, as of 90 s ago\n" in describe(folder)
    journal.close()
    told = describe(folder)
    assert "  embedding   500 of 1000 images so far\n" in told and "images/s" not in told


def test_where_nothing_moves_there_is_no_end() -> None:
    assert Embedding(0, 10, Rates(0)).lines(True, 0) == ["0 of 10 images, 0 images/s, no end left"]
