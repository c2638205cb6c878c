"""A collector of OpenTelemetry traces: a real server for OTLP over gRPC that keeps the spans it is sent.

As a program (``python collector.py``) it listens on port 4317 and prints each span as a line of JSON.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

ERROR = trace_pb2.Status.STATUS_CODE_ERROR


@dataclass(frozen=True)
class Seen:
    """A span as it was sent: of which process, in which trace, below which other."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    facts: dict[str, Any]
    failed: bool
    sentence: str


@dataclass
class Collector:
    """Where it listens, and what it was sent."""

    address: str = ""
    spans: list[Seen] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def wait_for(self, name: str, seconds: float = 20) -> Seen:
        """The first span of a name, once it is there."""
        return self.wait_until(lambda span: span.name == name, name, seconds)

    def wait_until(self, wanted: Callable[[Seen], bool], what: str, seconds: float = 20) -> Seen:
        """The first span that is wanted, once it is there: each process sends its own, in its own time."""
        end = time.monotonic() + seconds
        while (found := next(filter(wanted, list(self.spans)), None)) is None:
            assert time.monotonic() < end, f"no span of {what}; there are {[(s.process, s.name) for s in self.spans]}"
            time.sleep(0.02)
        return found


class _Service(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._collector.asked += 1
        while self._collector.hang.is_set() and context.is_active():
            time.sleep(0.02)
        for group in request.resource_spans:
            process = _value(next(a for a in group.resource.attributes if a.key == "service.name").value)
            self._collector.spans += [_seen(process, span) for scope in group.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collecting(hang: bool = False) -> Iterator[Collector]:
    """A collector for the length of the block; one that hangs takes every call and answers none."""
    collector = Collector()
    if hang:
        collector.hang.set()
    server = grpc.server(ThreadPoolExecutor(16))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Service(collector), server)  # type: ignore[no-untyped-call]
    collector.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        collector.hang.clear()
        server.stop(0).wait()


def _seen(process: Any, span: Any) -> Seen:
    return Seen(
        process=str(process).removeprefix("active-labeler-"),
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        facts={attribute.key: _value(attribute.value) for attribute in span.attributes},
        failed=span.status.code == ERROR,
        sentence=span.status.message,
    )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def _print_all() -> None:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(16))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Service(collector), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port("0.0.0.0:4317")
    server.start()
    printed = 0
    while True:
        for span in collector.spans[printed:]:
            print(json.dumps(asdict(span)), flush=True)
            printed += 1
        time.sleep(0.2)


if __name__ == "__main__":
    _print_all()
