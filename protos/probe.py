"""Health probe: ``python -m protos.probe [address]`` ends with 0 when the server says SERVING, with 1 otherwise.

On standard output it writes what a server says of itself, the device of a worker for example; Docker keeps that with the health.
Without an address it asks the service of this container (``ACTIVE_LABELER_LISTEN``). It runs every few seconds, so it loads
nothing but the channel and one message.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

_CHECK = "/grpc.health.v1.Health/Check"
_PREFIX = "active-labeler-"  # of the keys of health details, as in protos/health.py
_ANY = ("0.0.0.0", "[::]", "")  # noqa: S104 - compared, not listened on


def address(listen: str) -> str:
    """Where to reach a server that listens on ``listen``: any address of this machine becomes localhost."""
    host, colon, port = listen.rpartition(":")
    return f"localhost:{port}" if colon and host in _ANY else listen


def serving(target: str, timeout_s: float = 3.0) -> bool:
    """Whether the server at ``target`` says SERVING; with the TLS files of this service, where it has any."""
    return details(target, timeout_s) is not None


def details(target: str, timeout_s: float = 3.0) -> dict[str, str] | None:
    """What the server at ``target`` says of itself, word -> value; None when it does not say SERVING."""
    with _channel(target) as channel:
        check = channel.unary_unary(
            _CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer, call = check.with_call(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return None
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return None
    said: Any = call.trailing_metadata() or ()
    return {key.removeprefix(_PREFIX): str(value) for key, value in said if key.startswith(_PREFIX)}


def _channel(target: str) -> grpc.Channel:
    files = [os.environ.get(f"ACTIVE_LABELER_TLS_{name}") for name in ("AUTHORITY", "KEY", "CERTIFICATE")]
    if not all(files):
        return grpc.insecure_channel(target)
    authority, key, certificate = (Path(str(name)).read_bytes() for name in files)
    local = (("grpc.ssl_target_name_override", "localhost"),) if target.startswith("unix:") else ()
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(authority, key, certificate), options=local)


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else address(os.environ.get("ACTIVE_LABELER_LISTEN", ""))
    told = details(wanted)
    sys.stdout.write("".join(f"{word}: {value}\n" for word, value in (told or {}).items()))
    sys.exit(1 if told is None else 0)
