"""The command line itself: its version, and where what it did not understand is explained."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.command import run_command


def test_the_version_is_told(tmp_path: Path) -> None:
    done = run_command("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"active-labeler {version('active-labeler')}\n", "")


@pytest.mark.parametrize(
    ("given", "help_of"),
    [
        (["rum"], "active-labeler"),
        (["--colour"], "active-labeler"),
        (["run", "--rounds", "many"], "active-labeler run"),
        (["predict", "model.ckpt"], "active-labeler predict"),
        (["encoder", "imprt"], "active-labeler encoder"),
        (["encoder", "import"], "active-labeler encoder import"),
    ],
)
def test_the_help_of_the_very_command_is_named(tmp_path: Path, given: list[str], help_of: str) -> None:
    done = run_command(*given, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"; see `{help_of} --help`\n"), done.stderr
    assert run_command(*help_of.split()[1:], "--help", cwd=tmp_path).returncode == 0
