"""Metrics for Prometheus: of every call here, of what each service does beside it (``services/*/metrics.py``)."""

from __future__ import annotations

import errno
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import grpc
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from protos.errors import ConflictError, InvalidInputError

log = logging.getLogger(__name__)

REQUESTS = Counter("active_labeler_requests", "Calls that have ended, by method and status.", ["method", "code"])
SECONDS = Histogram(
    "active_labeler_request_seconds",
    "How long calls took.",
    ["method"],
    buckets=(0.002, 0.01, 0.05, 0.2, 1, 5, 20, 60, 300, 1800, 14400),
)
IN_FLIGHT = Gauge("active_labeler_requests_in_flight", "Calls in work.", ["method"])


def serve_metrics(listen: str, *collectors: Collector) -> Sequence[grpc.ServerInterceptor]:
    """Offers the metrics of this process at ``http://listen/metrics``.

    Args:
        listen: "host:port" (port 0: any free one, which is logged); "": nowhere.
        collectors: of metrics that are looked up when somebody asks.

    Returns:
        what has to see the calls of the server.

    Raises:
        InvalidInputError: when that is no address.
        ConflictError: when it is taken.
    """
    if not listen:
        return ()
    host, _, port = listen.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535 and host):
        raise InvalidInputError(f"ACTIVE_LABELER_METRICS is {listen!r}; give host:port, for example 127.0.0.1:9464")
    for collector in (GpuCollector(), *collectors):
        REGISTRY.register(collector)
    try:
        server, _ = start_http_server(int(port), host.strip("[]"))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(f"metrics cannot be served at {listen}: the port is taken; choose another") from error
        raise InvalidInputError(
            f"metrics cannot be served at {listen}: {error.strerror}; choose an address of this machine"
        ) from error
    log.info("metrics are at http://%s:%d/metrics", host, server.server_port)
    return (CallMetrics(),)


class CallMetrics(grpc.ServerInterceptor):
    """Counts and times the calls of a server. It stands before what turns errors into status codes, and so sees those."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the handler of one call; health and reflection are left out, as they say nothing about work."""
        handler = continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.request_streaming or not method.startswith("/activelabeler."):
            return handler
        name = method.removeprefix("/activelabeler.v1.")
        if handler.response_streaming:
            stream = handler.unary_stream
            assert stream is not None

            def run_stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
                with _Call(name, context):
                    yield from stream(request, context)

            return grpc.unary_stream_rpc_method_handler(
                run_stream, handler.request_deserializer, handler.response_serializer
            )
        unary = handler.unary_unary
        assert unary is not None

        def run_unary(request: Any, context: grpc.ServicerContext) -> Any:
            with _Call(name, context):
                return unary(request, context)

        return grpc.unary_unary_rpc_method_handler(run_unary, handler.request_deserializer, handler.response_serializer)


class _Call:
    """One call, from its begin to its end, however it ends."""

    def __init__(self, method: str, context: Any) -> None:
        self._method, self._context = method, context

    def __enter__(self) -> None:
        IN_FLIGHT.labels(self._method).inc()
        self._start = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        IN_FLIGHT.labels(self._method).dec()
        SECONDS.labels(self._method).observe(time.monotonic() - self._start)
        code = self._context.code()
        REQUESTS.labels(self._method, code.name if code else "OK" if kind is None else "CANCELLED").inc()


class GpuCollector(Collector):
    """Memory of the GPUs that this process has used; nothing is started on a GPU for the question."""

    def collect(self) -> Iterable[Metric]:
        """By device: what tensors take, what this process holds, and what the device has."""
        family = GaugeMetricFamily("active_labeler_gpu_memory_bytes", "Memory of a GPU.", labels=["device", "kind"])
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            for number in range(torch.cuda.device_count()):
                free, total = torch.cuda.mem_get_info(number)
                for kind, value in (
                    ("allocated", torch.cuda.memory_allocated(number)),
                    ("reserved", torch.cuda.memory_reserved(number)),
                    ("used", total - free),
                    ("total", total),
                ):
                    family.add_metric([str(number), kind], value)
        yield family
