"""Where servers listen: addresses, socket files, certificates."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    else:
        _check_port(listen)
    credentials = None
    if tls is not None:
        pem = read_tls(tls)
        credentials = grpc.ssl_server_credentials([(pem.key, pem.certificate)], pem.authority, require_client_auth=True)
    try:
        port = server.add_secure_port(listen, credentials) if credentials else server.add_insecure_port(listen)
    except RuntimeError:
        port = 0
    if port == 0:
        raise ConflictError(f"cannot listen on {listen}: the address is taken or not of this machine; choose another")
    return listen if listen.startswith("unix:") else f"{listen.rsplit(':', 1)[0]}:{port}"


def _check_port(listen: str) -> None:
    """gRPC is content with one of the addresses that a name has, and counts ports modulo 65536."""
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidInputError(f"cannot listen on {listen}: give host:port with a port from 0 (any free one) to 65535")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidInputError(f"cannot listen on {listen}: there is no host {host!r}; choose another") from error
    for family, _, _, _, address in found:
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if _is_taken(probe, address):
                raise ConflictError(f"cannot listen on {listen}: the port is taken; choose another")


def _is_taken(probe: socket.socket, address: Any) -> bool:
    try:
        probe.bind(address)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


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


@dataclass(frozen=True)
class Pem:
    """The contents of the three files of ``Tls``."""

    certificate: bytes
    key: bytes
    authority: bytes


def read_tls(tls: Tls) -> Pem:
    """Reads and checks the files; gRPC would say nothing but that the address cannot be used.

    Raises:
        InvalidInputError: when one cannot be read, or the key is not that of the certificate.
    """
    found = Pem(_read(tls.certificate), _read(tls.key), _read(tls.authority))
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(tls.authority)
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"the TLS files {tls.certificate} and {tls.key} (without a password), signed by {tls.authority}, do not work"
            f" together: {error}"
        ) from error
    return found


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"the TLS file {path} cannot be read: {error.strerror}; check the path") from error
    if b"-----BEGIN " not in data:
        raise InvalidInputError(f"the TLS file {path} is no PEM file; convert it with openssl")
    return data
