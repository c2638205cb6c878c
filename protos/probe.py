"""Health probe: ``python -m protos.probe [address]`` ends with 0 when the server says SERVING, with 1 otherwise.

Without an address it asks the service of this container (``ACTIVE_LABELER_LISTEN``). It runs every few seconds, so it loads
nothing but the channel and one message.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

_CHECK = "/grpc.health.v1.Health/Check"
_ANY = ("0.0.0.0", "[::]", "")  # noqa: S104 - compared, not listened on


def address(listen: str) -> str:
    """Where to reach a server that listens on ``listen``: any address of this machine becomes localhost."""
    host, colon, port = listen.rpartition(":")
    return f"localhost:{port}" if colon and host in _ANY else listen


def serving(target: str, timeout_s: float = 3.0) -> bool:
    """Whether the server at ``target`` says SERVING; with the TLS files of this service, where it has any."""
    with _channel(target) as channel:
        check = channel.unary_unary(
            _CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _channel(target: str) -> grpc.Channel:
    files = [os.environ.get(f"ACTIVE_LABELER_TLS_{name}") for name in ("AUTHORITY", "KEY", "CERTIFICATE")]
    if not all(files):
        return grpc.insecure_channel(target)
    authority, key, certificate = (Path(str(name)).read_bytes() for name in files)
    local = (("grpc.ssl_target_name_override", "localhost"),) if target.startswith("unix:") else ()
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(authority, key, certificate), options=local)


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else address(os.environ.get("ACTIVE_LABELER_LISTEN", ""))
    sys.exit(0 if serving(wanted) else 1)
