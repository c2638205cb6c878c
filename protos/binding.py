"""Where servers listen: addresses, socket files, certificates."""

from __future__ import annotations

import socket
import stat
from dataclasses import dataclass
from pathlib import Path

import grpc

from protos.errors import ConflictError, InvalidInputError

_LONGEST_SOCKET = 107  # bytes; Linux has no room for more


@dataclass(frozen=True)
class Tls:
    """Files of a mutual-TLS party, all PEM: its certificate and key, and the authority that both sides trust."""

    certificate: Path
    key: Path
    authority: Path


def bind(server: grpc.Server, listen: str, tls: Tls | None) -> str:
    """Binds a server that has not started, and returns the address with its real port.

    Raises:
        ConflictError: when the address is taken.
        InvalidInputError: when it, or a TLS file, cannot be used.
    """
    if listen.startswith("unix:"):
        _check_socket(listen)
    credentials = None if tls is None else _server_credentials(tls)
    try:
        port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    except RuntimeError:
        port = 0
    if port == 0:
        raise ConflictError(f"cannot listen on {listen}: the address is taken or not of this machine; choose another")
    return listen if listen.startswith("unix:") else f"{listen.rsplit(':', 1)[0]}:{port}"


def _check_socket(listen: str) -> None:
    """gRPC takes over an existing socket file; that is right for one left behind, not for one that is served."""
    path = Path(listen.removeprefix("unix:").removeprefix("//"))
    if len(bytes(path)) > _LONGEST_SOCKET:
        raise InvalidInputError(
            f"cannot listen on {listen}: a socket's path has at most {_LONGEST_SOCKET} bytes; choose a shorter one"
        )
    if not path.parent.is_dir():
        raise InvalidInputError(f"cannot listen on {listen}: there is no folder {path.parent}; make it first")
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ConflictError(f"cannot listen on {listen}: that file is no socket; choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise ConflictError(f"cannot listen on {listen}: another process serves there; stop it or choose another path")


def read_pem(path: Path) -> bytes:
    """The content of a PEM file.

    Raises:
        InvalidInputError: when it cannot be read, or is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"the TLS file {path} cannot be read: {error.strerror}; check the path") from error
    if b"-----BEGIN " not in data:
        raise InvalidInputError(f"the TLS file {path} is no PEM file; convert it with openssl")
    return data


def _server_credentials(tls: Tls) -> grpc.ServerCredentials:
    pair = (read_pem(tls.key), read_pem(tls.certificate))
    return grpc.ssl_server_credentials([pair], read_pem(tls.authority), require_client_auth=True)
