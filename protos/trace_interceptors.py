"""One span for each end of a call; who answers learns from the metadata (W3C Trace Context) what the call is a part of.

Unary calls only: streams are for watching. They are put in where somebody collects, and cost nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from protos.errors import ActiveLabelerError
from protos.traces import TRACEPARENT, Kind, Span, Tracer, tracer


def of_client() -> Sequence[grpc.UnaryUnaryClientInterceptor]:
    """What a new channel needs."""
    collecting = tracer()
    return () if collecting is None else (ClientSpans(collecting),)


def of_server() -> Sequence[grpc.ServerInterceptor]:
    """What a new server needs."""
    collecting = tracer()
    return () if collecting is None else (ServerSpans(collecting),)


class ClientSpans(grpc.UnaryUnaryClientInterceptor):
    """Stands before what turns status codes into domain errors, and so sees those. A call outside of a trace begins none."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Waits for the answer, like all of our calls."""
        if not self._tracer.is_within():
            return continuation(client_call_details, request)
        name, facts = _facts(client_call_details.method)
        with self._tracer.span(name, Kind.CLIENT, facts) as span:
            metadata = [*(client_call_details.metadata or ()), *self._tracer.to_metadata()]
            call = continuation(client_call_details._replace(metadata=metadata), request)
            error = call.exception()
            code = error.code if isinstance(error, ActiveLabelerError) else grpc.StatusCode.UNKNOWN
            _end(span, grpc.StatusCode.OK if error is None else code, error)
            return call


class ServerSpans(grpc.ServerInterceptor):
    """Stands before what turns errors into status codes, and so sees those. A call that says of no trace begins none."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the handler of a call that belongs to a trace."""
        handler = continuation(handler_call_details)
        metadata = list(handler_call_details.invocation_metadata or ())
        if handler is None or handler.unary_unary is None or all(key != TRACEPARENT for key, _ in metadata):
            return handler
        unary = handler.unary_unary
        name, facts = _facts(handler_call_details.method)

        def run_unary(request: Any, context: Any) -> Any:
            with self._tracer.serve(name, metadata, facts) as span:
                try:
                    answer = unary(request, context)
                except Exception:
                    _end(span, context.code() or grpc.StatusCode.UNKNOWN, _text(context.details()))
                    raise
                _end(span, grpc.StatusCode.OK, None)
                return answer

        return grpc.unary_unary_rpc_method_handler(run_unary, handler.request_deserializer, handler.response_serializer)


def _facts(method: str) -> tuple[str, dict[str, str | int | float | bool]]:
    """The name of a call and what OpenTelemetry's conventions say of one."""
    service, _, name = method.removeprefix("/").partition("/")
    short = service.rpartition(".")[2]
    return f"{short}/{name}", {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def _end(span: Span, code: grpc.StatusCode, error: object) -> None:
    number, _ = code.value
    span.note(**{"rpc.grpc.status_code": number})
    if code is not grpc.StatusCode.OK:
        span.fail(str(error or code.name), code.name)


def _text(details: str | bytes | None) -> str:
    return details.decode("utf-8", "replace") if isinstance(details, bytes) else details or ""
