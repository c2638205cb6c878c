"""Which calls are made again by themselves, and that a connection outlasts the calls in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from orchestrator.clients.caller import LONG_S, Caller
from protos import control_pb2, control_pb2_grpc, rpc, sampler_pb2
from protos.errors import ClosedError, UnavailableError
from tests.support import echo


class _Control(control_pb2_grpc.ControlServicer):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def StartRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.StartRunResponse:
        self.calls.append("start")
        raise UnavailableError("somebody behind me is away")

    def AnswerQuestion(self, request: Any, context: grpc.ServicerContext) -> control_pb2.AnswerQuestionResponse:
        self.calls.append("answer")
        raise UnavailableError("somebody behind me is away")


def test_to_start_a_run_and_to_answer_is_never_tried_again(tmp_path: Path) -> None:
    servicer = _Control()
    add = control_pb2_grpc.add_ControlServicer_to_server
    service = rpc.Registration("activelabeler.v1.Control", lambda server: add(servicer, server))
    server = rpc.serve([service], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        stub = control_pb2_grpc.ControlStub(channel)
        with pytest.raises(UnavailableError):
            stub.StartRun(control_pb2.StartRunRequest())
        with pytest.raises(UnavailableError):
            stub.AnswerQuestion(control_pb2.AnswerQuestionRequest())
    server.stop(0)
    assert servicer.calls == ["start", "answer"]


def test_calls_of_the_services_are_tried_again(tmp_path: Path) -> None:
    calls: list[str] = []

    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        calls.append(request.run)
        if len(calls) < 3:
            raise UnavailableError("not yet")
        return sampler_pb2.SelectResponse(run=request.run)

    server = rpc.serve([echo.service(answer)], f"unix:{tmp_path}/s.sock")
    with rpc.connect(server.address) as channel:
        assert echo.select(channel).run == "r"
    server.stop(0)
    assert len(calls) == 3


def test_no_connection_ends_before_the_longest_call() -> None:
    grace_ms = dict(rpc._SERVER_OPTIONS)["grpc.max_connection_age_grace_ms"]
    assert grace_ms > LONG_S * 1000
    assert grace_ms < 2**31  # what gRPC takes


def test_patience_ends_when_the_channel_is_closed_here(tmp_path: Path) -> None:
    channel = rpc.connect(f"unix:{tmp_path}/nobody.sock")
    channel.close()
    with pytest.raises(ClosedError, match="closed on this side"):
        Caller(patience_s=60)(echo.stub(channel).Select, sampler_pb2.SelectRequest())
