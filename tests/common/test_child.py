"""Processes of our own modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.common.child import ONE_THREAD, end_child, environment_of_child


def test_a_child_finds_the_same_modules_elsewhere_and_not_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "services.py").write_text("raise SystemExit(9)")
    told = subprocess.run(
        [sys.executable, "-c", "import os, services.common.child; print(os.environ['OMP_NUM_THREADS'])"],
        cwd=tmp_path,
        env=environment_of_child(ONE_THREAD),
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stdout) == (0, "1\n"), told.stderr


def test_what_is_given_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert environment_of_child()["OMP_NUM_THREADS"] == "7"
    assert environment_of_child({"OMP_NUM_THREADS": "2"})["OMP_NUM_THREADS"] == "2"


def test_the_end_of_a_child_is_waited_for_also_when_it_is_gone() -> None:
    for wait in (False, True):
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if wait:
            process.kill()
            process.wait()
        end_child(process)
        assert process.returncode == -9
        assert process.stdin is not None and process.stdin.closed
