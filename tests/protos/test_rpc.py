"""One server, one channel: health, reflection, limits, deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from protos import control_pb2, control_pb2_grpc, rpc, sampler_pb2
from protos.errors import (
    DeadlineError,
    ExhaustedError,
    NotFoundError,
    UnavailableError,
)
from tests.support import echo


@pytest.fixture
def server(tmp_path: Path) -> Iterator[rpc.Server]:
    running = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    yield running
    running.stop(0)


@pytest.fixture
def channel(server: rpc.Server) -> Iterator[grpc.Channel]:
    with rpc.connect(server.address) as opened:
        yield opened


def test_call_comes_back(channel: grpc.Channel) -> None:
    assert echo.select(channel, "run-1").run == "run-1"


def test_server_and_each_service_are_healthy(channel: grpc.Channel) -> None:
    assert rpc.is_healthy(channel)
    assert rpc.is_healthy(channel, "activelabeler.v1.Sampler")
    assert not rpc.is_healthy(channel, "activelabeler.v1.Trainer")
    rpc.wait_until_healthy(channel, "sampler", 1)


def test_unknown_service_is_not_found_by_health(channel: grpc.Channel) -> None:
    with pytest.raises(NotFoundError):
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="nobody"))


def test_stopping_server_is_not_healthy_but_finishes(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        entered.set()
        leave.wait(10)
        return sampler_pb2.SelectResponse(run="finished")

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel, rpc.connect(server.address) as probe:
        answers: list[str] = []
        caller = threading.Thread(target=lambda: answers.append(echo.select(channel).run))
        caller.start()
        assert entered.wait(10)
        assert rpc.is_healthy(probe)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        end = time.monotonic() + 4
        while rpc.is_healthy(probe, timeout_s=0.5):
            assert time.monotonic() < end
        leave.set()
        stopper.join(10)
        caller.join(10)
    assert answers == ["finished"]


def test_watching_health_is_unimplemented(server: rpc.Server) -> None:
    """And so holds no thread, and no stop up."""
    with grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=5)
        with pytest.raises(grpc.RpcError) as caught:
            next(watch)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_nobody_becomes_healthy(tmp_path: Path) -> None:
    with rpc.connect(f"unix:{tmp_path}/nobody.sock") as channel:
        assert not rpc.is_healthy(channel, timeout_s=0.2)
        with pytest.raises(UnavailableError, match="the trainer service did not become healthy"):
            rpc.wait_until_healthy(channel, "trainer", 0.3)


def test_reflection_describes_the_contract(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    ask = reflection_pb2.ServerReflectionRequest
    answers = stub.ServerReflectionInfo(
        iter([ask(list_services=""), ask(file_containing_symbol="activelabeler.v1.Sampler")])
    )
    services = {service.name for service in next(answers).list_services_response.service}
    assert {"activelabeler.v1.Sampler", "grpc.health.v1.Health"} <= services
    files = [
        FileDescriptorProto.FromString(data) for data in next(answers).file_descriptor_response.file_descriptor_proto
    ]
    assert "protos/sampler.proto" in {file.name for file in files}


def _sized(size: int) -> sampler_pb2.SelectRequest:
    return sampler_pb2.SelectRequest(strategy="x" * size)


def test_messages_over_grpcs_own_limit_pass(channel: grpc.Channel) -> None:
    assert echo.stub(channel).Select(_sized(12 << 20)).pool == 12 << 20


def test_request_over_the_limit_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(ExhaustedError, match=r"/activelabeler.v1.Sampler/Select: .*larger than max.* ask for less"):
        echo.stub(channel).Select(_sized(rpc.MAX_MESSAGE_BYTES + 1))


def test_response_over_the_limit_is_refused(tmp_path: Path) -> None:
    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        return sampler_pb2.SelectResponse(run="x" * (rpc.MAX_MESSAGE_BYTES + 1))

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel, pytest.raises(ExhaustedError, match="ask for less"):
        echo.select(channel)
    server.stop(0)


def _slow(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
    threading.Event().wait(4)
    return sampler_pb2.SelectResponse()


def test_every_call_has_a_deadline(tmp_path: Path) -> None:
    seen: list[float] = []

    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        seen.append(context.time_remaining())
        return sampler_pb2.SelectResponse()

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as first, rpc.connect(server.address, timeout_s=7) as second:
        echo.select(first)
        echo.select(second)
        echo.select(second, timeout=90)
    server.stop(0)
    assert [round(left) for left in seen] == [rpc.DEFAULT_TIMEOUT_S, 7, 90]


def test_deadline_ends_a_call_in_time(tmp_path: Path) -> None:
    server = rpc.serve([echo.service(_slow)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address, timeout_s=0.2) as channel:
        start = time.monotonic()
        with pytest.raises(DeadlineError, match="Sampler/Select"):
            echo.select(channel)
        assert time.monotonic() - start < 3
    server.stop(0)


def test_a_stream_outlives_the_deadline_of_calls(tmp_path: Path) -> None:
    def watch(request: control_pb2.WatchRunRequest, context: grpc.ServicerContext) -> Iterator[control_pb2.RunEvent]:
        for number in range(4):
            yield control_pb2.RunEvent(sequence=number)
            time.sleep(0.1)

    server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address, timeout_s=0.2) as channel:
        events = control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest())
        assert [event.sequence for event in events] == [0, 1, 2, 3]
    server.stop(0)


def test_a_stream_is_cancelled_from_another_thread(tmp_path: Path) -> None:
    ended = threading.Event()

    def watch(request: control_pb2.WatchRunRequest, context: grpc.ServicerContext) -> Iterator[control_pb2.RunEvent]:
        context.add_callback(ended.set)
        yield control_pb2.RunEvent(sequence=1)
        ended.wait(10)

    server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        events = control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest())
        assert next(events).sequence == 1
        threading.Timer(0.1, events.cancel).start()
        with pytest.raises(UnavailableError, match="CANCELLED"):
            next(events)
        assert ended.wait(5)
    server.stop(0)


def test_a_stream_that_nobody_reads_on_ends(tmp_path: Path) -> None:
    ended = threading.Event()

    def watch(request: control_pb2.WatchRunRequest, context: grpc.ServicerContext) -> Iterator[control_pb2.RunEvent]:
        context.add_callback(ended.set)
        yield control_pb2.RunEvent(sequence=1)
        ended.wait(10)

    server = rpc.serve([echo.streaming(watch)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        for _ in control_pb2_grpc.ControlStub(channel).WatchRun(control_pb2.WatchRunRequest()):
            break
        assert ended.wait(5)
    server.stop(0)


def test_a_long_call_bears_pings_that_come_close_together(tmp_path: Path) -> None:
    """As on a busy machine, which delivers in one go what was sent half a minute apart."""

    def slowly(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        time.sleep(6)
        return sampler_pb2.SelectResponse(run="finished")

    server = rpc.serve([echo.service(slowly)], f"unix:{tmp_path}/s.sock")
    pings = [("grpc.keepalive_time_ms", 500), ("grpc.http2.max_pings_without_data", 0)]
    with grpc.insecure_channel(server.address, pings) as channel:
        assert echo.select(channel).run == "finished"
    server.stop(0)


def test_no_peer_is_unavailable_after_the_retries(tmp_path: Path) -> None:
    with rpc.connect(f"unix:{tmp_path}/nobody.sock", timeout_s=20) as channel:
        with pytest.raises(UnavailableError, match="Sampler/Select failed with UNAVAILABLE"):
            echo.select(channel)


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    server = rpc.serve([echo.service()], f"unix:{tmp_path}/s.sock")
    server.stop(0)
    server.stop(0)
    server.wait()
