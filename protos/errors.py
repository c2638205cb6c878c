"""Domain errors, and how they cross the wire.

Every error that a person may see is one of the classes below: one sentence with the offending value and the remedy. On
the server one interceptor turns them into status codes; on the client one turns status codes back (``interceptors.py``).
"""

from __future__ import annotations

from typing import ClassVar

import grpc


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


class ClosedError(UnavailableError):
    """A call on a channel that this process has closed itself: nobody waits for its answer any more."""


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


def from_rpc_error(error: Exception, method: str) -> ActiveLabelerError:
    """The domain error that a failed call carries; ``method`` is named where the peer gave no sentence of its own."""
    if isinstance(error, ValueError) and "closed" in str(error):  # what gRPC says of a closed channel
        return ClosedError(f"{method}: the connection has been closed on this side")
    if not isinstance(error, grpc.Call):
        return InternalError(f"{method} failed: {type(error).__name__}: {error}")
    code, details = error.code(), error.details() or ""
    kind = _BY_CODE.get(code, InternalError)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "message larger than max" in details:
        return kind(f"{method}: {details}; ask for less at once")
    if kind in (UnavailableError, DeadlineError, InternalError):
        return kind(f"{method} failed with {code.name}: {details or 'no details'}")
    return kind(details)
