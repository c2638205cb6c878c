"""The table of unreadable images."""

from __future__ import annotations

import csv
from pathlib import Path

from orchestrator.outputs.quarantine import write_quarantine


def test_sorted_by_path_with_reasons(tmp_path: Path) -> None:
    write_quarantine(tmp_path / "q.csv", {"b.png": "truncated, at byte 7", "a\n.png": 'says "no"'})
    with (tmp_path / "q.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["path", "reason"],
            ["a\n.png", 'says "no"'],
            ["b.png", "truncated, at byte 7"],
        ]


def test_an_empty_table_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    write_quarantine(tmp_path / "q.csv", {"a.png": "x"})
    write_quarantine(tmp_path / "q.csv", {})
    assert (tmp_path / "q.csv").read_text() == "path,reason\n"
