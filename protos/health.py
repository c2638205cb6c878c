"""Health as gRPC defines it (grpc.health.v1), for probes and the launcher.

Only Check: gRPC's own servicer can lock itself up for good when a watcher leaves while the server stops, and nobody here
watches. Clients take a Watch that is not implemented for "healthy", as the protocol tells them.

The answer of the protocol is one word. What a service can say beyond it, the device of a worker for example, goes along as
trailing metadata, which every client may leave unread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.errors import NotFoundError

log = logging.getLogger(__name__)

NAME = "grpc.health.v1.Health"
PREFIX = "active-labeler-"  # of the keys of the details
Details = Callable[[], Mapping[str, str]]


class Health(health_pb2_grpc.HealthServicer):
    """What the server says about itself.

    Args:
        names: of the services; "" stands for the whole server.
        details: by name of a service, asked with each check: word -> value, ``{"device": "cpu"}`` for example.
    """

    def __init__(self, names: Iterable[str], details: Mapping[str, Details] | None = None) -> None:
        self._names = frozenset(names) | {""}
        self._details = dict(details or {})
        self._serving = True

    def stop(self) -> None:
        """From now on nothing is serving."""
        self._serving = False

    def Check(  # noqa: N802 - as in the protocol
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Whether a service is serving, and its details; those of all services where none is named."""
        if request.service not in self._names:
            raise NotFoundError(f"there is no service {request.service[:100]!r} here")
        asked = [request.service] if request.service else list(self._details)
        context.set_trailing_metadata(tuple(pair for name in asked for pair in self._told_by(name)))
        answer = health_pb2.HealthCheckResponse
        return answer(status=answer.SERVING if self._serving else answer.NOT_SERVING)

    def _told_by(self, name: str) -> list[tuple[str, str]]:
        """The details of a service as metadata. A server is not sick because it cannot say on what it works."""
        try:
            details = self._details[name]() if name in self._details else {}
        except Exception:
            log.warning("the health details of %s cannot be had", name, exc_info=True)
            return []
        return [(f"{PREFIX}{key}", _printable(value)) for key, value in details.items()]


def read_details(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Word -> value, of the trailing metadata of a check; what else is in there is left out."""
    return {key.removeprefix(PREFIX): str(value) for key, value in metadata if key.startswith(PREFIX)}


def _printable(value: str) -> str:
    """What a header may hold: other signs would fail the call."""
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in value).strip()
