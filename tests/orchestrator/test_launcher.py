"""Services as child processes: how a failing start is told, and that they end with their launcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import clients
from orchestrator.launcher import Launcher
from orchestrator.settings import EndpointSettings
from protos import rpc
from protos.errors import InvalidInputError, UnavailableError
from tests.support.command import still_alive

ONLY_INDEX = EndpointSettings.model_validate({name: "unix:/none" for name in clients.SERVICES if name != "index"})
EARLIER = "error: the sentence of an earlier start\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "index.log").write_text(EARLIER)
    return tmp_path / "logs"


def _launcher(logs: Path, **environment: str) -> Launcher:
    settings = {"ACTIVE_LABELER_ARTIFACTS": str(logs.parent / "store"), **environment}
    return Launcher(logs, settings)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of Python that each child runs before anything else."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield folder / "sitecustomize.py"


def test_a_service_tells_itself_what_is_wrong(logs: Path) -> None:
    launcher = _launcher(logs, ACTIVE_LABELER_THREADS="0")
    with pytest.raises(InvalidInputError, match=r"^ACTIVE_LABELER_THREADS is '0': "):
        launcher.start(ONLY_INDEX)
    launcher.stop()


def test_a_death_without_a_word_is_not_told_in_the_words_of_an_earlier_start(logs: Path, hostile: Path) -> None:
    hostile.write_text("import os, sys\nos.write(2, b'a trace of this start\\n')\nos._exit(1)\n")
    launcher = _launcher(logs)
    with pytest.raises(UnavailableError) as told:
        launcher.start(ONLY_INDEX)
    launcher.stop()
    assert "did not start (exit code 1)" in str(told.value)
    assert "a trace of this start" in str(told.value)
    assert "earlier" not in str(told.value)
    assert (logs / "index.log").read_text().startswith(EARLIER)  # the log itself is kept


def test_a_service_that_was_killed_has_not_said_why(logs: Path, hostile: Path) -> None:
    hostile.write_text(
        "import os\nos.write(2, b'error: of something that it went on after\\n')\nos.kill(os.getpid(), 9)\n"
    )
    launcher = _launcher(logs)
    with pytest.raises(UnavailableError, match=r"did not start \(killed by signal 9\)"):
        launcher.start(ONLY_INDEX)
    launcher.stop()


def test_a_service_that_starts_is_reached_and_ends_with_the_launcher(logs: Path) -> None:
    launcher = _launcher(logs)
    endpoints = launcher.start(ONLY_INDEX)
    assert endpoints.trainer == "unix:/none"
    assert endpoints.index is not None
    with rpc.connect(endpoints.index) as channel:
        assert rpc.is_healthy(channel)
    assert launcher.why_gone() is None
    pids = list(launcher.pids.values())
    launcher.stop()
    launcher.stop()
    assert not still_alive(pids, 1)
