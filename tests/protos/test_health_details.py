"""Beside SERVING a server says on what it works; a client may leave that unread, and trouble with it is no sickness."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from protos import rpc

Details = Callable[[], Mapping[str, str]]


@contextmanager
def serving(folder: Path, **details: Details | None) -> Iterator[rpc.Server]:
    made = [rpc.Registration(name, lambda _: None, telling) for name, telling in details.items()]
    server = rpc.serve(made, f"unix:{folder}/s.sock")
    try:
        yield server
    finally:
        server.stop(0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[rpc.Server]:
    with serving(tmp_path, one=lambda: {"device": "cpu"}, two=lambda: {"worker": "host-1"}, three=None) as running:
        yield running


@pytest.mark.parametrize(
    ("service", "details"),
    [("", {"device": "cpu", "worker": "host-1"}), ("one", {"device": "cpu"}), ("three", {})],
)
def test_a_server_tells_the_details_of_its_services(
    server: rpc.Server, service: str, details: Mapping[str, str]
) -> None:
    with rpc.connect(server.address) as channel:
        assert rpc.health_details(channel, service) == details
        assert rpc.is_healthy(channel, service)


def test_who_does_not_serve_has_no_details(server: rpc.Server, tmp_path: Path) -> None:
    with rpc.connect(server.address) as channel:
        assert rpc.health_details(channel, "nobody") is None
        server._health.stop()
        assert rpc.health_details(channel) is None
    with rpc.connect(f"unix:{tmp_path}/nobody.sock") as channel:
        assert rpc.health_details(channel, timeout_s=0.5) is None


def test_they_are_asked_anew_with_each_check(tmp_path: Path) -> None:
    said = iter(["none claimed", "GPU 1"])
    with serving(tmp_path, one=lambda: {"device": next(said)}) as server, rpc.connect(server.address) as channel:
        assert rpc.health_details(channel) == {"device": "none claimed"}
        assert rpc.health_details(channel) == {"device": "GPU 1"}


def test_what_no_header_may_hold_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, one=lambda: {"device": " Grafik\u00fc\n\x00karte \U0001f600 "}) as server:
        with rpc.connect(server.address) as channel:
            assert rpc.health_details(channel) == {"device": "Grafik???karte ?"}


def test_details_that_cannot_be_had_make_nobody_sick(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Mapping[str, str]:
        raise RuntimeError("the driver is gone")

    with serving(tmp_path, one=broken, two=lambda: {"worker": "a"}) as server, rpc.connect(server.address) as channel:
        assert rpc.health_details(channel) == {"worker": "a"}
    assert "the health details of one cannot be had" in caplog.text


def test_a_stock_client_reads_the_status_alone(server: rpc.Server) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(server.address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_probe_writes_them(server: rpc.Server, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]

    def probe(address: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "protos.probe", address]
        names = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(command, env=names, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    assert probe(server.address) == (0, "device: cpu\nworker: host-1\n")
    assert probe(f"unix:{tmp_path}/nobody.sock") == (1, "")
