"""A small real service for tests of the kit: the sampler's contract, answered by a function of the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

from protos import control_pb2, control_pb2_grpc, sampler_pb2, sampler_pb2_grpc
from protos.rpc import Registration

Answer = Callable[[sampler_pb2.SelectRequest, grpc.ServicerContext], sampler_pb2.SelectResponse]


def echo(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
    """Answers with the run of the request, and with the peer as this server sees it."""
    return sampler_pb2.SelectResponse(
        run=request.run, picks=[sampler_pb2.Pick(reason=context.peer())], pool=len(request.strategy)
    )


class _Unary(sampler_pb2_grpc.SamplerServicer):
    def __init__(self, answer: Answer) -> None:
        self.Select = answer  # type: ignore[method-assign]


def service(answer: Answer = echo) -> Registration:
    """The sampler's contract with ``answer`` behind Select; ListStrategies is not implemented."""
    return Registration(
        "activelabeler.v1.Sampler",
        lambda server: sampler_pb2_grpc.add_SamplerServicer_to_server(_Unary(answer), server),
    )


class _Stream(control_pb2_grpc.ControlServicer):
    def __init__(self, watch: Callable[[Any, grpc.ServicerContext], Iterator[control_pb2.RunEvent]]) -> None:
        self.WatchRun = watch  # type: ignore[method-assign]


def streaming(watch: Callable[[Any, grpc.ServicerContext], Iterator[control_pb2.RunEvent]]) -> Registration:
    """The control contract with ``watch`` behind WatchRun."""
    return Registration(
        "activelabeler.v1.Control",
        lambda server: control_pb2_grpc.add_ControlServicer_to_server(_Stream(watch), server),
    )


def stub(channel: grpc.Channel) -> sampler_pb2_grpc.SamplerStub:
    """A client of ``service``."""
    return sampler_pb2_grpc.SamplerStub(channel)


def select(channel: grpc.Channel, run: str = "r", timeout: float | None = None) -> sampler_pb2.SelectResponse:
    """One call of ``service``."""
    return stub(channel).Select(sampler_pb2.SelectRequest(run=run), timeout=timeout)


def wait_for(path: Path, seconds: float = 20) -> None:
    """Waits until a file is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear within {seconds} s"
        time.sleep(0.01)
