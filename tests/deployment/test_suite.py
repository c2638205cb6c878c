"""`scripts/suite.sh`, by which `make test` runs the tests: a second, single run for what fails beside others, and no third."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

STEADY = "def test_steady(): pass\n"
FAILS_ONCE = """
from pathlib import Path
def test_fails_once():
    seen = Path(__file__).with_suffix(".seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("for want of time")
"""
FAILS = "def test_fails(): raise AssertionError('always')\n"


LOUD = FAILS_ONCE.replace(
    "        seen.touch()", "        seen.touch()\n        for _ in range(9): logging.error('loud')"
)


def _suite(folder: Path, *files: str, **more: str) -> subprocess.CompletedProcess[str]:
    (folder / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "suite.sh", folder / "scripts")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q\n")
    for number, text in enumerate(files):
        (folder / f"test_{number}.py").write_text(text)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [folder / "scripts" / "suite.sh", "1", "."]
    return subprocess.run(command, env={**own, "VENV": sys.prefix, **more}, capture_output=True, text=True, timeout=120)


def test_what_passes_alone_is_named_unsteady_and_holds_nothing_up(tmp_path: Path) -> None:
    done = _suite(tmp_path, STEADY, FAILS_ONCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unsteady" in done.stdout
    assert done.stdout.splitlines()[-1] == "  test_1.py::test_fails_once"


def test_neither_colours_nor_errors_in_a_log_change_what_is_counted(tmp_path: Path) -> None:
    done = _suite(tmp_path, STEADY, "import logging\n" + LOUD, FORCE_COLOR="1", PY_COLORS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Once more, alone" in done.stdout
    assert done.stdout.partition("Unsteady")[2].splitlines()[1:] == ["  test_1.py::test_fails_once"]


def test_what_fails_again_fails_the_run(tmp_path: Path) -> None:
    done = _suite(tmp_path, STEADY, FAILS_ONCE, FAILS)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout  # the second run has only what failed in the first
    assert "Unsteady" not in done.stdout


def test_many_failures_are_no_accident(tmp_path: Path) -> None:
    done = _suite(tmp_path, *[FAILS_ONCE.replace("fails_once", f"fails_{number}") for number in range(6)])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Once more" not in done.stdout


def test_nothing_to_run_is_a_failure(tmp_path: Path) -> None:
    assert _suite(tmp_path).returncode == 5
