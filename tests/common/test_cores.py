"""A container's limit counts, whichever version of control groups tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.common.cores import cores

THERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("100000 100000\n", 1),
        ("150000 100000\n", min(2, THERE)),
        ("1000 100000\n", 1),
        ("999999999 100000\n", THERE),
        ("max 100000\n", THERE),
        ("", THERE),
        ("many few", THERE),
        ("5 0", THERE),
    ],
)
def test_the_limit_of_a_container(content: str, expected: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("100000", 1), ("-1", THERE)])
def test_the_first_version_of_control_groups(quota: str, expected: int, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cores(tmp_path) == expected


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert cores(tmp_path) == THERE
