"""What may change when a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.resuming import resumed
from orchestrator.settings import RunSettings
from protos.errors import ConflictError


def _settings(**values: Any) -> RunSettings:
    return RunSettings.model_validate({"data": Path("images"), "runtime": Path("runtime"), **values})


def test_what_the_page_says_may_change_and_stays_where_nothing_is_given() -> None:
    stored = _settings(name="Foxes", question="A fox?", definition="Its tail counts.", seed=3)
    same = resumed(stored, _settings(seed=3))
    assert (same.name, same.question, same.definition) == ("Foxes", "A fox?", "Its tail counts.")
    other = resumed(stored, _settings(definition="Its tail does not count.", labeling={"continuous": True}, seed=3))
    assert (other.question, other.definition, other.labeling.continuous) == ("A fox?", "Its tail does not count.", True)


def test_what_would_make_it_another_run_is_refused() -> None:
    with pytest.raises(ConflictError, match="seed is '4', but the run in runtime was started with '3'"):
        resumed(_settings(seed=3), _settings(seed=4))
