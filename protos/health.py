"""Health as gRPC defines it (grpc.health.v1), for probes and the launcher.

Only Check: gRPC's own servicer can lock itself up for good when a watcher leaves while the server stops, and nobody here
watches. Clients take a Watch that is not implemented for "healthy", as the protocol tells them.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.errors import NotFoundError

NAME = "grpc.health.v1.Health"


class Health(health_pb2_grpc.HealthServicer):
    """What the server says about itself.

    Args:
        names: of the services; "" stands for the whole server.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names) | {""}
        self._serving = True

    def stop(self) -> None:
        """From now on nothing is serving."""
        self._serving = False

    def Check(  # noqa: N802 - as in the protocol
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Whether a service is serving."""
        if request.service not in self._names:
            raise NotFoundError(f"there is no service {request.service[:100]!r} here")
        answer = health_pb2.HealthCheckResponse
        return answer(status=answer.SERVING if self._serving else answer.NOT_SERVING)
