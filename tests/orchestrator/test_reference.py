"""The reference of all settings is complete, and what is checked in is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from orchestrator.original_config import MODEL, PIPELINE, SECOND, WITHOUT_EFFECT
from orchestrator.reference import reference
from orchestrator.setting_errors import setting_names

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = {
    "one": [("ACTIVE_LABELER_LISTEN", "where", "127.0.0.1:0"), ("ACTIVE_LABELER_X", "a | b", None)],
    "two": [("ACTIVE_LABELER_LISTEN", "where", "127.0.0.1:0")],
}


def test_every_setting_is_in_it() -> None:
    page = reference({})
    groups = setting_names()
    names = [f"{group}.{name}" for group, inside in groups.items() if group for name in inside]
    alone = [name for name in groups[""] if name not in groups]
    assert len(names) + len(alone) > 50
    for name in [*names, *alone]:
        assert f"| `{name}` |" in page


def test_every_key_of_the_original_is_in_it() -> None:
    page = reference({})
    for key in [*PIPELINE, *MODEL, *SECOND, *WITHOUT_EFFECT]:
        assert f"`{key}`" in page


def test_a_row_says_what_a_setting_takes() -> None:
    page = reference({})
    assert "| `data` | path | needed | folder with the images" in page
    assert "| `sampling.size` | whole number, ≥ 1 | `20` | images chosen in a round | `sample_size` |" in page
    assert "| `index.metric` | `euclidean`, `angular` | `euclidean` |" in page
    assert "| `verbose` | yes or no | yes |" in page
    assert "`model_path`, `encoder_path` |" in page


def test_variables_that_all_services_have_are_told_once() -> None:
    page = reference(SERVICES)
    assert page.count("ACTIVE_LABELER_LISTEN") == 1
    assert "### one" in page
    assert "### two" not in page
    assert "| `ACTIVE_LABELER_X` |  | a &#124; b |" in page


def test_what_is_checked_in_is_up_to_date() -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "reference.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
