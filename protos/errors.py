"""Domain errors, and how they cross the wire.

Every error that a person may see is one of the classes below: one sentence with the offending value and the remedy. On
the server one interceptor turns them into status codes; on the client one interceptor turns status codes back into them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

import grpc

log = logging.getLogger(__name__)


class ActiveLabelerError(Exception):
    """The root of all errors with a sentence for a person.

    Attributes:
        code: the gRPC status that carries it.
        exit_code: what the command line ends with.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    exit_code: ClassVar[int] = 1


class InvalidInputError(ActiveLabelerError):
    """A setting, file or request that cannot be worked with: mend it and try again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    exit_code = 2


class NotFoundError(ActiveLabelerError):
    """Something named that does not exist."""

    code = grpc.StatusCode.NOT_FOUND
    exit_code = 2


class ConflictError(ActiveLabelerError):
    """The state of things forbids it: an existing run, a taken port, another labeler on the same store."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    exit_code = 4


class DamagedError(ActiveLabelerError):
    """An artifact whose bytes are not what its reference says."""

    code = grpc.StatusCode.DATA_LOSS
    exit_code = 5


class UnavailableError(ActiveLabelerError):
    """A service that does not answer, or stopped: nothing is lost, resume later."""

    code = grpc.StatusCode.UNAVAILABLE
    exit_code = 3


class DeadlineError(ActiveLabelerError):
    """A call that took longer than it was given."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    exit_code = 3


class ExhaustedError(ActiveLabelerError):
    """A limit that was reached: disk, memory, message size."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    exit_code = 6


class InternalError(ActiveLabelerError):
    """A defect of ours; the log of the service has the traceback."""


_BY_CODE: dict[grpc.StatusCode, type[ActiveLabelerError]] = {
    kind.code: kind
    for kind in (
        InvalidInputError,
        NotFoundError,
        ConflictError,
        DamagedError,
        UnavailableError,
        DeadlineError,
        ExhaustedError,
    )
}
_BY_CODE[grpc.StatusCode.CANCELLED] = UnavailableError


def from_rpc_error(error: grpc.RpcError, method: str) -> ActiveLabelerError:
    """The domain error that a failed call carries; ``method`` is named where the peer gave no sentence of its own."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    details = (error.details() if isinstance(error, grpc.Call) else None) or ""
    kind = _BY_CODE.get(code, InternalError)
    if kind in (UnavailableError, DeadlineError, InternalError):
        return kind(f"{method} failed with {code.name}: {details or 'no details'}")
    return kind(details)


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
        if handler is None or handler.request_streaming:
            return handler
        method = handler_call_details.method
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
                return unary(_parse(parse, data, method), context)
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
    if not context.is_active() and not isinstance(error, ActiveLabelerError):
        raise error  # the client is gone; or the handler has aborted already
    if isinstance(error, ActiveLabelerError):
        context.abort(error.code, str(error))
    if isinstance(error, OSError) and error.errno == 28:
        context.abort(ExhaustedError.code, f"{method}: the disk is full ({error.filename}); free some space and resume")
    log.exception("%s failed", method)
    context.abort(grpc.StatusCode.INTERNAL, f"{method}: {type(error).__name__}: {error}")


class ClientErrors(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Gives every call a deadline and raises domain errors in the place of RpcError.

    Calls are blocking; whoever wants several in flight uses threads.
    """

    def __init__(self, default_timeout_s: float) -> None:
        self.default_timeout_s = default_timeout_s

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Waits for the answer, so that a failure is raised here."""
        details = _with_deadline(client_call_details, self.default_timeout_s)
        call = continuation(details, request)
        error = call.exception()
        if error is not None:
            raise from_rpc_error(error, client_call_details.method) from None
        return call

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Streams live as long as they have something to say; failures are raised while iterating."""
        call = continuation(client_call_details, request)
        return _stream(call, client_call_details.method)


def _stream(call: Any, method: str) -> Any:
    try:
        yield from call
    except grpc.RpcError as error:
        raise from_rpc_error(error, method) from None
    finally:
        call.cancel()


def _with_deadline(details: Any, seconds: float) -> Any:
    if details.timeout is not None:
        return details
    return details._replace(timeout=seconds)
