"""What a terminal shows of a long step: one time left, whoever knows it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from orchestrator.rates import Rates, WorkerRate
from orchestrator.reporting import TerminalReporter

TWO = Rates(30.0, (WorkerRate("host-a", "cpu", 20.0), WorkerRate("host-b", "cpu", 10.0)))


def shown(note: str, rates: Rates | None) -> str:
    """The last line that a terminal shows of a bar."""
    reporter, screen = TerminalReporter(), io.StringIO()
    reporter.console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    with reporter.bar("Embedding", 100, "images") as bar:
        bar.update(1)
        bar.update(40, note, rates)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\r", screen.getvalue()))
    return next(line for line in reversed(lines) if "40/100" in line)


@pytest.mark.parametrize(
    ("note", "rates"), [(TWO.words(60), TWO), ("12 positive", None)], ids=["the step knows", "an estimate"]
)
def test_there_is_one_time_left_beside_the_time_gone_by(note: str, rates: Rates | None) -> None:
    line = shown(note, rates)
    assert f"40/100 images {note}" in line
    assert len(re.findall(r"[-\d]:[-\d]{2}:[-\d]{2}", line)) == 2, line


def test_a_terminal_names_the_workers_and_their_rates() -> None:
    assert "30 images/s, 0:00:02 left; 2 workers: a 20/s, b 10/s" in shown(TWO.words(60), TWO)
