"""The health probe of containers: 0 for a server that serves, 1 for everything else, within seconds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protos.probe import address, serving
from protos.rpc import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    running = serve([], "127.0.0.1:0")
    yield running
    running.stop(0)


def test_a_server_that_serves(server: Server) -> None:
    assert serving(server.address)


def test_a_server_that_stops(server: Server) -> None:
    server.stop(0)
    assert not serving(server.address, timeout_s=1)


def test_a_peer_that_never_answers_costs_no_more_than_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        assert not serving(f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.5)
        assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("listen", "target"),
    [
        ("0.0.0.0:50051", "localhost:50051"),
        ("[::]:50051", "localhost:50051"),
        ("127.0.0.1:7", "127.0.0.1:7"),
        ("unix:/run/index.sock", "unix:/run/index.sock"),
    ],
)
def test_every_address_of_this_machine_is_reached_as_localhost(listen: str, target: str) -> None:
    assert address(listen) == target


def test_the_exit_code_tells(server: Server, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]

    def exit_code(listen: str) -> int:
        environment = {**os.environ, "ACTIVE_LABELER_LISTEN": listen, "PYTHONPATH": str(root)}
        return subprocess.run([sys.executable, "-m", "protos.probe"], env=environment, cwd=tmp_path).returncode

    assert exit_code(server.address) == 0
    assert exit_code(f"unix:{tmp_path}/nobody.sock") == 1
