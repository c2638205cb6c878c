"""Domain errors to status codes and back, for every call of a server and of a channel."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Any

import grpc

from protos.about import of_call, to_metadata, working_for
from protos.errors import ActiveLabelerError, ExhaustedError, InvalidInputError, from_rpc_error

log = logging.getLogger(__name__)

_LONGEST = 2000  # bytes of a sentence; on the wire one may take three


class ServerErrors(grpc.ServerInterceptor):
    """Parses requests and turns exceptions of handlers into status codes.

    Stock grpcio answers bytes that do not parse with INTERNAL; here they get INVALID_ARGUMENT. An exception that is no
    domain error is logged with its traceback and answered with INTERNAL and its class name.
    """

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the handler of one call; only unary requests exist in our contracts."""
        handler = continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.request_streaming:
            return handler  # reflection
        parse = handler.request_deserializer or (lambda data: data)
        if handler.response_streaming:
            stream = handler.unary_stream
            assert stream is not None

            def run_stream(data: bytes, context: grpc.ServicerContext) -> Any:
                try:
                    yield from stream(_parse(parse, data, method), context)
                except Exception as error:
                    _abort(context, method, error)

            return grpc.unary_stream_rpc_method_handler(run_stream, None, handler.response_serializer)
        unary = handler.unary_unary
        assert unary is not None

        def run_unary(data: bytes, context: grpc.ServicerContext) -> Any:
            try:
                request = _parse(parse, data, method)
            except Exception as error:
                _abort(context, method, error)
            now = of_call(context.invocation_metadata() or (), request)
            with working_for(now.run, now.round):
                try:
                    return unary(request, context)
                except Exception as error:
                    _abort(context, method, error)

        return grpc.unary_unary_rpc_method_handler(run_unary, None, handler.response_serializer)


def _parse(parse: Callable[[bytes], Any], data: bytes, method: str) -> Any:
    try:
        return parse(data)
    except Exception as error:
        raise InvalidInputError(
            f"{method}: {len(data)} bytes that are no such request; compile the contracts anew"
        ) from error


def _abort(context: grpc.ServicerContext, method: str, error: Exception) -> None:
    if isinstance(error, ActiveLabelerError):
        context.abort(error.code, _sentence(error))
    if not context.is_active():
        raise error  # the client is gone
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        full = f"the disk is full ({error.filename or 'that of the artifacts'}); free some space and resume"
        context.abort(ExhaustedError.code, _sentence(full))
    _abort_as_chosen(context)
    log.error("%s failed", method, exc_info=error)
    context.abort(grpc.StatusCode.INTERNAL, _sentence(f"{method}: {type(error).__name__}: {error}"))


def _sentence(error: object) -> str:
    """What fits a trailer: names of files may hold bytes that are no text, and 8 KiB is all that a peer accepts."""
    data = str(error).encode("utf-8", "backslashreplace")
    return data.decode() if len(data) <= _LONGEST else f"{data[:_LONGEST].decode(errors='ignore')}..."


def _abort_as_chosen(context: Any) -> None:
    """Where the handler has set a status itself, as generated code does for what is not implemented, that one counts."""
    if context.code() is not None:
        context.abort(context.code(), _text(context.details()))


def _text(details: str | bytes | None) -> str:
    return details.decode("utf-8", "replace") if isinstance(details, bytes) else details or ""


class ClientErrors(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Gives every call a deadline and raises domain errors in the place of RpcError.

    Calls are blocking; whoever wants several in flight uses threads.
    """

    def __init__(self, default_timeout_s: float) -> None:
        self.default_timeout_s = default_timeout_s

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Waits for the answer, so that a failure is raised here."""
        details = _about_itself(_with_deadline(client_call_details, self.default_timeout_s))
        call = continuation(details, request)
        error = call.exception()
        if error is not None:
            raise from_rpc_error(error, client_call_details.method) from None
        return call

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Streams live as long as they have something to say; failures are raised while iterating."""
        try:
            call = continuation(client_call_details, request)
        except ValueError as error:  # the channel is closed
            raise from_rpc_error(error, client_call_details.method) from None
        return Stream(call, client_call_details.method)


class Stream:
    """Responses as they arrive; failures are domain errors."""

    def __init__(self, call: Any, method: str) -> None:
        self._call = call
        self._method = method

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except (grpc.RpcError, ValueError) as error:  # a ValueError: the channel is closed
            raise from_rpc_error(error, self._method) from None

    def cancel(self) -> None:
        """Ends the stream, from any thread; whoever is waiting for a response gets an UnavailableError."""
        self._call.cancel()

    close = cancel


def _about_itself(details: Any) -> Any:
    return details._replace(metadata=[*(details.metadata or ()), *to_metadata()])


def _with_deadline(details: Any, seconds: float) -> Any:
    if details.timeout is not None:
        return details
    return details._replace(timeout=seconds)
