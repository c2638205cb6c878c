"""A service as a process: it says when it listens, stops in time, and outlives no launcher."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from protos import rpc, sampler_pb2
from protos.errors import ConflictError, InvalidInputError
from tests.support import echo, replica

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[str]]]:
    """Whatever a test starts and leaves is killed in the end."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def _busy(address: str, seconds: float, touched: Path) -> tuple[threading.Thread, list[object]]:
    """A call that takes ``seconds``, in flight."""
    endings: list[object] = []

    def call() -> None:
        with rpc.connect(address) as channel:
            request = sampler_pb2.SelectRequest(run=f"sleep:{seconds}", strategy=str(touched))
            try:
                endings.append(echo.stub(channel).Select(request).run)
            except Exception as error:
                endings.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    echo.wait_for(touched)
    return thread, endings


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_the_call_in_flight_finish(children: list, sent: signal.Signals, tmp_path: Path) -> None:  # type: ignore[type-arg]
    child = replica.start("calm")
    children.append(child)
    caller, endings = _busy(replica.address_of(child), 1.0, tmp_path / "touched")
    start = time.monotonic()
    child.send_signal(sent)
    assert child.wait(10) == 0
    assert 0.5 < time.monotonic() - start < 4.9, "less than the grace that a call gets"
    caller.join(10)
    assert endings == ["calm"]


def test_idle_service_stops_at_once(children: list, tmp_path: Path) -> None:  # type: ignore[type-arg]
    path = tmp_path / "s.sock"
    child = replica.start("calm", {"ACTIVE_LABELER_LISTEN": f"unix:{path}"})
    children.append(child)
    assert replica.address_of(child) == f"unix:{path}"
    with rpc.connect(f"unix:{path}") as channel:
        assert rpc.is_healthy(channel)
        start = time.monotonic()
        child.terminate()
        assert child.wait(10) == 0
    assert time.monotonic() - start < 4
    assert not path.exists()
    assert child.stderr is not None
    assert "Traceback" not in child.stderr.read()


def test_call_that_hangs_does_not_hold_the_stop_up(children: list, tmp_path: Path) -> None:  # type: ignore[type-arg]
    child = replica.start("stuck")
    children.append(child)
    _busy(replica.address_of(child), 60, tmp_path / "touched")
    start = time.monotonic()
    child.terminate()
    assert child.wait(20) == 0
    assert time.monotonic() - start < 10, "docker and the launcher kill after ten seconds"


def _start(name: str, tmp_path: Path, pipe: int | None, **settings: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ACTIVE_LABELER_LISTEN": f"unix:{tmp_path}/{name}.sock",
        "ACTIVE_LABELER_ARTIFACTS": str(tmp_path / "artifacts"),
        **settings,
    }
    if pipe is not None:
        environment["ACTIVE_LABELER_PARENT_PIPE"] = str(pipe)
    return subprocess.Popen(
        [sys.executable, "-m", f"services.{name}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=() if pipe is None else (pipe,),
    )


@pytest.mark.parametrize("name", ["sampler", "index"])
def test_service_stops_when_its_launcher_is_gone(children: list, name: str, tmp_path: Path) -> None:  # type: ignore[type-arg]
    keep, write = os.pipe()
    child = _start(name, tmp_path, keep)
    children.append(child)
    os.close(keep)
    address = replica.address_of(child)
    with rpc.connect(address) as channel:
        assert rpc.is_healthy(channel, f"activelabeler.v1.{name.capitalize()}")
        os.close(write)
        assert child.wait(10) == 0
    assert not (tmp_path / f"{name}.sock").exists()
    assert [path.name for path in (tmp_path / "artifacts").rglob("*")] == []


def test_busy_service_stops_when_its_launcher_is_gone(children: list, tmp_path: Path) -> None:  # type: ignore[type-arg]
    keep, write = os.pipe()
    child = replica.start("stuck", pipe=keep)
    children.append(child)
    os.close(keep)
    _busy(replica.address_of(child), 60, tmp_path / "touched")
    os.close(write)
    assert child.wait(10) == 0


def test_killed_launcher_leaves_no_orphan(children: list, tmp_path: Path) -> None:  # type: ignore[type-arg]
    code = (
        "import os, sys, time\n"
        "from tests.support import replica\n"
        "keep, write = os.pipe()\n"
        "child = replica.start('orphan', pipe=keep)\n"
        "os.close(keep)\n"
        "replica.address_of(child)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    launcher = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    children.append(launcher)
    assert launcher.stdout is not None
    orphan = psutil.Process(int(launcher.stdout.readline()))
    launcher.kill()
    launcher.wait(10)
    orphan.wait(10)


def _fails(child: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = child.communicate(timeout=20)
    return child.returncode, said


def test_taken_port_is_one_sentence(children: list, tmp_path: Path) -> None:  # type: ignore[type-arg]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        child = _start("sampler", tmp_path, None, ACTIVE_LABELER_LISTEN=taken)
        children.append(child)
        code, said = _fails(child)
    assert code == ConflictError.exit_code
    assert said == f"error: cannot listen on {taken}: the port is taken; choose another\n"


@pytest.mark.parametrize("name", ["sampler", "index"])
@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"ACTIVE_LABELER_THREADS": "0"}, "ACTIVE_LABELER_THREADS is '0'"),
        ({"ACTIVE_LABELER_PARENT_PIPE": "77"}, "ACTIVE_LABELER_PARENT_PIPE is 77, which is no open pipe"),
        ({"ACTIVE_LABELER_TLS_KEY": "/k"}, "set all or none"),
        ({"ACTIVE_LABELER_ARTIFACTS": "/dev/null/store"}, "/dev/null/store"),
        ({"ACTIVE_LABELER_LOG_FILE": "/dev/null/log"}, "the log file /dev/null/log cannot be written"),
    ],
)
def test_bad_setting_is_one_sentence(
    children: list,
    tmp_path: Path,
    name: str,
    setting: dict[str, str],
    sentence: str,  # type: ignore[type-arg]
) -> None:
    child = _start(name, tmp_path, None, **setting)
    children.append(child)
    code, said = _fails(child)
    assert code == InvalidInputError.exit_code
    assert said.startswith("error: ")
    assert sentence in said
    assert len(said.splitlines()) == 1
