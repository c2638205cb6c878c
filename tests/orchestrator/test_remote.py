"""``active-labeler run`` as the client of a running orchestrator."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protos import control_pb2, rpc
from tests.support import control
from tests.support.command import ACTIVE_LABELER, environment

LINE = control_pb2.RunEvent(run="r", text="Listed 3 images")
ASKING = control_pb2.RunEvent(run="r", question=control.QUESTION, state="asking")


@pytest.fixture
def servicer() -> control.Control:
    return control.Control(LINE)


@pytest.fixture
def address(tmp_path: Path, servicer: control.Control) -> Iterator[str]:
    server = rpc.serve([control.registration(servicer)], f"unix:{tmp_path}/control.sock")
    yield server.address
    server.stop(0)


def _client(address: str, cwd: Path) -> subprocess.Popen[str]:
    (cwd / "data").mkdir(exist_ok=True)
    return subprocess.Popen(
        [*ACTIVE_LABELER, "run", "--data", "data"],
        cwd=cwd,
        env={**environment(), "ACTIVE_LABELER_CONTROL": address},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_says_that_the_run_goes_on(address: str, servicer: control.Control, tmp_path: Path) -> None:
    client = _client(address, tmp_path)
    assert client.stdout is not None
    assert client.stdout.readline() == "Listed 3 images\n"
    start = time.monotonic()
    client.send_signal(signal.SIGINT)
    _, said = client.communicate(timeout=30)
    assert time.monotonic() - start < 20
    assert client.returncode == 130
    assert said == (
        f"The run goes on at {address}; only this window has stopped watching it."
        f" Watch it again with `active-labeler resume {tmp_path / 'runtime'}`\n"
    )


def test_a_lost_answer_is_asked_for_again(address: str, servicer: control.Control, tmp_path: Path) -> None:
    servicer.status = control_pb2.RunStatus(run="r", state="asking", question=control.QUESTION)
    servicer.lost = 1
    servicer.events.append(ASKING)
    client = _client(address, tmp_path)
    shown, said = client.communicate("l\nq\n", timeout=60)
    assert client.returncode == 0, said
    assert servicer.answers == ["l", "q"]
    assert servicer.watched == 2
    assert shown.count("Listed 3 images") == 1  # what was shown is not shown again
    assert shown.endswith("The report\n")


def test_a_question_that_somebody_else_has_answered_is_not_asked(
    address: str, servicer: control.Control, tmp_path: Path
) -> None:
    servicer.events += [ASKING, control_pb2.RunEvent(run="r", text="The report", state="finished")]
    shown, said = _client(address, tmp_path).communicate(timeout=60)
    assert servicer.answers == []
    assert shown.endswith("The report\n"), said


def test_progress_is_shown_in_the_words_of_the_orchestrator(
    address: str, servicer: control.Control, tmp_path: Path
) -> None:
    words = "50 images/s, 0:00:01 left; 2 workers: a 30/s, b 20/s"
    servicer.events += [
        control_pb2.RunEvent(run="r", step="Fetching", done=9, total=10, unit="files"),
        control_pb2.RunEvent(run="r", step="Embedding", done=60, total=100, unit="images", note=words, per_second=50),
        control_pb2.RunEvent(run="r", text="Embedded 100 images"),
        control_pb2.RunEvent(run="r", text="The report", state="finished"),
    ]
    shown, said = _client(address, tmp_path).communicate(timeout=60)
    assert shown.splitlines()[1:] == [
        "  Fetching: 9 of 10 files ",
        f"  Embedding: 60 of 100 images {words}",
        "Embedded 100 images",
        "The report",
    ], said
