"""Whether the spans of this process are sent to a collector, and to which (extra ``otel``).

Nothing of OpenTelemetry is imported before somebody asks for traces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from urllib.parse import urlsplit

from protos.errors import InvalidInputError

_NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.grpc")


def check_traces(address: str) -> None:
    """Tells what is wrong with the setting; "" is right, and stands for no traces.

    Raises:
        InvalidInputError: when it is no address of a collector, or what sends traces is not installed.
    """
    if not address:
        return
    if not _is_address(address):
        raise InvalidInputError(
            f"ACTIVE_LABELER_TRACES is {address!r}; give the address of a collector that takes OTLP over gRPC,"
            " for example http://localhost:4317"
        )
    if not all(_is_there(module) for module in _NEEDED):
        raise InvalidInputError(
            f"ACTIVE_LABELER_TRACES is {address!r}, but what sends traces is not installed: pip install"
            " 'active-labeler[otel]' (images: ACTIVE_LABELER_EXTRAS=otel and build them anew), or unset it"
        )


def start_traces(address: str, process: str) -> Callable[[], None]:
    """Sends the spans of this process to a collector from now on. Servers and channels made afterwards take part.

    Args:
        address: of the collector, http://host:port or https://host:port; "": nowhere.
        process: its name among the others of the system: trainer, orchestrator.

    Returns:
        what sends the last spans; it waits a second at most.

    Raises:
        InvalidInputError: when the setting, or a standard variable of OpenTelemetry (OTEL_...), cannot be used.
    """
    check_traces(address)
    if not address:
        return lambda: None
    from services.common.spans import start

    return start(address, process)


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port is not None and plain


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False
