"""The journal: each step once, whatever kills the process in between."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestrator.journal import Journal, is_at_work, read_entries
from protos.errors import ConflictError, DamagedError


class Thing(BaseModel):
    """A result with a number that JSON does not know."""

    name: str
    score: float


def _never() -> int:
    raise AssertionError("the step was done before")


def test_a_step_is_done_once_and_then_remembered(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.once("a", int, lambda: 7) == 7
    assert journal.once("a", int, _never) == 7
    journal.close()
    again = Journal(tmp_path / "journal.jsonl")
    assert "a" in again
    assert again.once("a", int, _never) == 7


def test_models_and_not_a_number_survive(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.once("things", list[Thing], lambda: [Thing(name="x", score=math.nan), Thing(name="y", score=0.1)])
    journal.close()
    found = Journal(tmp_path / "journal.jsonl").once("things", list[Thing], list)
    assert math.isnan(found[0].score)
    assert found[1] == Thing(name="y", score=0.1)


def test_a_failed_step_is_not_recorded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(ZeroDivisionError):
        journal.once("a", int, lambda: 1 // 0)
    assert "a" not in journal
    assert journal.once("a", int, lambda: 2) == 2


def test_half_a_line_at_the_end_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.once("a", int, lambda: 1)
    journal.once("b", int, lambda: 2)
    journal.close()
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        again = Journal(path)
        assert "a" in again
        assert "b" not in again
        assert again.once("b", int, lambda: 2) == 2
        again.close()
        assert [entry["step"] for entry in read_entries(path)[0]] == ["a", "b"]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"step": "a", "result": 1}\ngarbage\n{"step": "b", "result": 2}\n')
    with pytest.raises(DamagedError, match="line 2"):
        Journal(path)


def test_two_processes_cannot_work_on_one_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "from pathlib import Path; from orchestrator.journal import Journal;"
        f" journal = Journal(Path({str(path)!r})); print('open', flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        assert is_at_work(path)
        with pytest.raises(ConflictError, match="another process"):
            Journal(path)
    finally:
        other.kill()
        other.wait()
    assert not is_at_work(path)
    Journal(path).close()
