"""Whose thread a call gets: what is too much is refused with a sentence, and the rest is served."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from protos import control_pb2, control_pb2_grpc, lanes, rpc, sampler_pb2
from tests.support import echo


class Gate:
    """A server of both kinds of calls; all of them stay until it opens.

    Attributes:
        entered: counts the calls that have a thread.
    """

    def __init__(self, folder: Path) -> None:
        self.open, self.entered = threading.Event(), threading.Semaphore(0)
        services = [echo.service(self._select), echo.streaming(self._watch)]
        self.server = rpc.serve(services, f"unix:{folder}/s.sock", threads=2)
        self.channel = grpc.insecure_channel(self.server.address)

    def _select(self, request: sampler_pb2.SelectRequest, context: Any) -> sampler_pb2.SelectResponse:
        self.entered.release()
        assert self.open.wait(60)
        return sampler_pb2.SelectResponse(run=request.run)

    def _watch(self, request: Any, context: Any) -> Iterator[control_pb2.RunEvent]:
        yield control_pb2.RunEvent(sequence=1)
        while context.is_active() and not self.open.wait(0.05):
            pass

    def watch(self) -> Any:
        return control_pb2_grpc.ControlStub(self.channel).WatchRun(control_pb2.WatchRunRequest(run="r"))

    def select(self) -> Any:
        return echo.stub(self.channel).Select.future(sampler_pb2.SelectRequest(run="r"))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.open.set()
    made.channel.close()
    made.server.stop(0)


def _refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    return caught.value.code(), caught.value.details()


def test_streams_take_no_thread_from_calls_and_probes(gate: Gate) -> None:
    streams = [gate.watch() for _ in range(lanes.MOST_STREAMS)]
    assert [next(stream).sequence for stream in streams] == [1] * lanes.MOST_STREAMS
    call = gate.select()
    assert gate.entered.acquire(timeout=10)
    assert rpc.is_healthy(gate.channel, timeout_s=10)
    gate.open.set()
    assert call.result(timeout=10).run == "r"


def test_a_stream_too_many_is_refused_until_another_one_ends(gate: Gate) -> None:
    streams = [gate.watch() for _ in range(lanes.MOST_STREAMS)]
    assert [next(stream).sequence for stream in streams] == [1] * lanes.MOST_STREAMS
    for _ in range(20):
        code, words = _refusal(gate.watch())
        assert code is grpc.StatusCode.UNAVAILABLE
        assert words == "64 streams are open on this server already; close some, or try again later"
    streams.pop().cancel()
    for _ in range(200):
        new = gate.watch()
        try:
            assert next(new).sequence == 1
        except grpc.RpcError:
            threading.Event().wait(0.05)
        else:
            break
    else:
        pytest.fail("a stream that has ended still counts")
    assert _refusal(gate.watch())[0] is grpc.StatusCode.UNAVAILABLE


def test_streams_of_reflection_count_too(gate: Gate) -> None:
    def silent() -> Iterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        gate.open.wait(60)

    stub = reflection_pb2_grpc.ServerReflectionStub(gate.channel)
    streams = [stub.ServerReflectionInfo(silent()) for _ in range(lanes.MOST_STREAMS)]
    for stream in streams:
        next(stream)
    assert _refusal(stub.ServerReflectionInfo(silent()))[0] is grpc.StatusCode.UNAVAILABLE
    assert rpc.is_healthy(gate.channel, timeout_s=10)


def test_probes_are_answered_while_all_threads_work(gate: Gate) -> None:
    calls = [gate.select() for _ in range(50)]
    assert gate.entered.acquire(timeout=10)
    assert gate.entered.acquire(timeout=10)
    assert rpc.is_healthy(gate.channel, timeout_s=10)
    gate.open.set()
    assert {call.result(timeout=10).run for call in calls} == {"r"}


def test_calls_too_many_are_refused_and_the_others_answered(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_WAITING", 5)
    working = [gate.select() for _ in range(2)]
    assert gate.entered.acquire(timeout=10)
    assert gate.entered.acquire(timeout=10)
    refused: queue.SimpleQueue[Any] = queue.SimpleQueue()
    more = [gate.select() for _ in range(30)]
    for call in more:
        call.add_done_callback(refused.put)
    for _ in range(25):
        call = refused.get(timeout=10)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
        assert call.details() == "5 calls wait on this server already; try again later"
    waiting = [call for call in more if not call.done()]
    assert len(waiting) == 5
    gate.open.set()
    assert [call.result(timeout=10).run for call in working + waiting] == ["r"] * 7
