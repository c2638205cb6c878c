"""Whether a search takes phrases is asked while the run may come to its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from orchestrator.control.manager import ManagedRun
from orchestrator.control.phrases import refusal


class _Ending:
    """A run at work whose thread takes the work away as soon as somebody has looked at it."""

    def __init__(self, store: Path) -> None:
        encoder = SimpleNamespace(artifact=SimpleNamespace(path="encoders/none"))
        self._works = [SimpleNamespace(latest=SimpleNamespace(encoder=encoder), store=SimpleNamespace(root=store))]

    @property
    def work(self) -> object | None:
        return self._works.pop() if self._works else None


def test_a_run_that_ends_meanwhile_says_nothing_of_phrases(tmp_path: Path) -> None:
    run = _Ending(tmp_path)
    assert refusal(cast(ManagedRun, run)) == ""
    assert run.work is None
