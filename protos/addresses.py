"""Where the replicas behind one target are: the addresses of a name, or those of a list."""

from __future__ import annotations

import socket

_LISTS = ("ipv4:", "ipv6:")
_DNS = ("dns:///", "dns:")


def is_several(target: str) -> bool:
    """Whether more than one replica may stand behind a target: a name, which may have any number of addresses, or a list."""
    if target.startswith(_LISTS):
        return "," in target
    name = _name_of(target)
    return name is not None and not _is_literal(_host_and_port(name)[0])


def host_of(target: str) -> str | None:
    """The name that a certificate of all replicas holds; None where the target is a list of addresses."""
    name = _name_of(target)
    return None if name is None else _host_and_port(name)[0]


def look_up(target: str) -> list[str]:
    """The addresses of all replicas as gRPC takes them, "ipv4:10.0.0.2:50051" for example, sorted; none where the name has none.

    Args:
        target: "host:port", "dns:///host:port", or "ipv4:a:1,b:2".
    """
    for scheme in _LISTS:
        if target.startswith(scheme):
            return sorted({f"{scheme}{address.strip()}" for address in target.removeprefix(scheme).split(",")})
    host, port = _host_and_port(_name_of(target) or "")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return []
    return sorted({written for family, _, _, _, address in found if (written := _written(family, address)) is not None})


def _name_of(target: str) -> str | None:
    """Host and port of a target that is a name; None for socket files, lists, and names that another server is asked for."""
    for scheme in _DNS:
        if target.startswith(scheme) and "/" not in target.removeprefix(scheme):
            return target.removeprefix(scheme)
    return None if "://" in target or target.startswith(("unix:", "unix-abstract:", *_LISTS, *_DNS)) else target


def _host_and_port(name: str) -> tuple[str, str]:
    host, colon, port = name.rpartition(":")
    if not colon or name.endswith("]"):
        host, port = name, "443"  # as gRPC has it
    return host.strip("[]"), port


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError, UnicodeError):
            continue
        return True
    return False


def _written(family: int, address: tuple[object, ...]) -> str | None:
    if family == socket.AF_INET:
        return f"ipv4:{address[0]}:{address[1]}"
    return f"ipv6:[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else None
