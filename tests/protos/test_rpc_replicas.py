"""Several replicas behind one target: calls are spread, and a replica that dies costs none of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from protos import rpc, sampler_pb2
from tests.support import echo, replica


def _named(name: str) -> rpc.Server:
    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        return sampler_pb2.SelectResponse(run=name)

    return rpc.serve([echo.service(answer)], "127.0.0.1:0")


def _wait_for_both(channel: grpc.Channel) -> None:
    """Until both replicas are connected and have answered."""
    end, seen = time.monotonic() + 15, set()
    while len(seen) < 2:
        assert time.monotonic() < end, f"only {seen} answers"
        seen.add(echo.select(channel).run)


def test_round_robin_over_two_replicas() -> None:
    first, second = _named("first"), _named("second")
    with rpc.connect(f"ipv4:{first.address},{second.address}") as channel:
        _wait_for_both(channel)
        seen = Counter(echo.select(channel).run for _ in range(40))
    first.stop(0)
    second.stop(0)
    assert seen == {"first": 20, "second": 20}


def test_name_with_one_address_is_found_by_dns() -> None:
    server = _named("only")
    port = server.address.rpartition(":")[2]
    with rpc.connect(f"localhost:{port}") as channel:
        assert echo.select(channel).run == "only"
    server.stop(0)


@pytest.mark.parametrize("size", [0, 2 << 20])
def test_replica_killed_mid_run_costs_no_call(size: int, tmp_path: Path) -> None:
    """Also with requests larger than what gRPC keeps for a retry by default (256 KiB)."""
    doomed, calm = replica.start("doomed"), replica.start("calm")
    target = f"ipv4:{replica.address_of(doomed)},{replica.address_of(calm)}"
    request = sampler_pb2.SelectRequest(run="sleep:0.05", strategy=str(tmp_path / "touched"))
    request.excluded.item.extend([0] * size)
    with rpc.connect(target) as channel, ThreadPoolExecutor(4) as pool:
        _wait_for_both(channel)

        def call(number: int) -> str:
            if number == 15:
                doomed.kill()
            return echo.stub(channel).Select(request).run

        answers = Counter(pool.map(call, range(60)))
    calm.terminate()
    assert answers.total() == 60
    assert answers["doomed"] >= 1
    assert answers["calm"] > 30
    assert calm.wait(10) == 0
    doomed.wait(10)


def test_replica_that_restarts_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    first = replica.start("first", {"ACTIVE_LABELER_LISTEN": f"unix:{path}"})
    with rpc.connect(replica.address_of(first)) as channel:
        assert echo.select(channel).run == "first"
        first.kill()
        first.wait(10)
        second = replica.start("second", {"ACTIVE_LABELER_LISTEN": f"unix:{path}"})
        assert replica.address_of(second) == f"unix:{path}"
        assert echo.select(channel).run == "second"
    second.terminate()
    assert second.wait(10) == 0


@pytest.fixture
def short_lived(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections that live for 0.3 s instead of ten."""
    options = {**dict(rpc._SERVER_OPTIONS), "grpc.max_connection_age_ms": 300}
    monkeypatch.setattr(rpc, "_SERVER_OPTIONS", tuple(options.items()))
    yield


def test_connections_end_so_that_names_are_looked_up_again() -> None:
    options = dict(rpc._SERVER_OPTIONS)
    assert 0 < options["grpc.max_connection_age_ms"] <= 10_000
    assert dict(rpc._CLIENT_OPTIONS)["grpc.dns_min_time_between_resolutions_ms"] == 1000


@pytest.mark.usefixtures("short_lived")
def test_end_of_a_connection_costs_no_call() -> None:
    server = rpc.serve([echo.service()], "127.0.0.1:0")
    peers = set()
    with rpc.connect(server.address) as channel:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            peers.add(echo.select(channel).picks[0].reason)
            time.sleep(0.005)
    server.stop(0)
    assert len(peers) >= 3


@pytest.mark.usefixtures("short_lived")
def test_call_outlasts_its_connections_age() -> None:
    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        threading.Event().wait(1.2)
        return sampler_pb2.SelectResponse(run="patient")

    server = rpc.serve([echo.service(answer)], "127.0.0.1:0")
    with rpc.connect(server.address) as channel:
        assert echo.select(channel).run == "patient"
    server.stop(0)
