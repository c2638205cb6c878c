"""SECURITY.md: each row names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ROW = re.compile(r"^\|(?P<threat>[^|]+)\|(?P<answer>[^|]+)\|(?P<tests>[^|]+)\|$", re.MULTILINE)
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)(?:::(?P<name>\w+))?`")


def test_each_row_names_tests_that_are_there() -> None:
    rows = [row for row in ROW.finditer((HOUSE / "SECURITY.md").read_text()) if "---" not in row["threat"]][1:]
    assert len(rows) >= 20
    for row in rows:
        named = list(NAMED.finditer(row["tests"]))
        assert named, f"no test for: {row['threat'].strip()}"
        for test in named:
            text = (HOUSE / test["file"]).read_text()
            assert f"def {test['name'] or 'test_'}" in text, test.group()
