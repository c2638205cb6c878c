"""How the contracts are spoken: servers and channels with the same limits everywhere.

Why each option is there: docs of gRPC and ``ARCHITECTURE.md``, "The wire".
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from protos import trace_interceptors
from protos.addresses import host_of, is_several, look_up
from protos.binding import Tls as Tls  # part of what this module offers
from protos.binding import bind, read_tls
from protos.channel import ClosableChannel
from protos.errors import UnavailableError
from protos.health import NAME as HEALTH
from protos.health import Details, Health, read_details
from protos.interceptors import ClientErrors, ServerErrors
from protos.lanes import Lanes
from protos.peers import Peers
from protos.spreading import Retries, SpreadChannel

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
DEFAULT_TIMEOUT_S = 30.0
LONGEST_CALL_S = 4 * 3600.0  # the longest deadline that anybody gives to a call
KEEPALIVE_MS = 30_000
_PROBE_S = 2.0  # a replica that was away and needs longer to say that it serves is asked again
_ASKED_IN_VAIN = 8  # replicas answer in turn: after so many answers without a new name, all have been heard

_SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # two servers on one port would share it silently
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Connections end after a while, so that clients look up the name again and find replicas that joined.
    ("grpc.max_connection_age_ms", 10_000),
    # A call may outlast its connection's age: work calls take minutes to hours, and end by their own deadline.
    ("grpc.max_connection_age_grace_ms", int(LONGEST_CALL_S + 3600) * 1000),
    ("grpc.server_handshake_timeout_ms", 20_000),  # who connects and agrees on nothing; otherwise two minutes
    # Five minutes otherwise, and clients ping every 30 s in a call that says nothing; a busy machine delivers late, and
    # then close together, what was sent far apart.
    ("grpc.http2.min_ping_interval_without_data_ms", 100),
    ("grpc.keepalive_permit_without_calls", 1),
)

# To start a run or to answer a question twice is not the same as once; who calls these looks before it calls again.
NEVER_RETRIED = ("activelabeler.v1.Control",)
RETRIES = Retries(attempts=5, first_s=0.2, longest_s=3)
_RETRY_POLICY = {
    "maxAttempts": RETRIES.attempts,
    "initialBackoff": f"{RETRIES.first_s:g}s",
    "maxBackoff": f"{RETRIES.longest_s:g}s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {"name": [{"service": name} for name in NEVER_RETRIED]},  # the narrower name counts: no policy for these
            {"name": [{}], "retryPolicy": _RETRY_POLICY},
        ],
    }
)
_Options = tuple[tuple[str, int | str], ...]
_CLIENT_OPTIONS: _Options = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.enable_retries", 1),
    # A request is kept for a retry only while it fits this buffer.
    ("grpc.per_rpc_retry_buffer_size", 2 * MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),  # a call may say nothing for minutes
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


@dataclass(frozen=True)
class Registration:
    """One service to serve.

    Attributes:
        name: its full name in the contracts.
        add: the generated function that adds it to a server.
        details: what it says of itself beside its health, asked with each check; None: nothing.
    """

    name: str
    add: Callable[[grpc.Server], None]
    details: Details | None = None


@dataclass
class Server:
    """A running gRPC server.

    Attributes:
        address: what clients connect to; a port of 0 has been replaced by the real one.
    """

    address: str
    _server: grpc.Server
    _health: Health
    _lanes: Lanes
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self, grace_s: float = 5.0) -> None:
        """Says NOT_SERVING, lets calls in flight finish for ``grace_s`` seconds, then ends them. May be called twice."""
        self._health.stop()
        self._server.stop(grace_s).wait()
        self._lanes.close()
        self._stopped.set()

    def wait(self) -> None:
        """Blocks until the server has stopped."""
        self._stopped.wait()

    def stop_on_signals(self, grace_s: float = 5.0) -> None:
        """SIGTERM and SIGINT stop the server, as ``stop`` does; call it from the main thread."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: threading.Thread(target=self.stop, args=(grace_s,), daemon=True).start())


def serve(
    services: Sequence[Registration],
    listen: str,
    threads: int = 8,
    tls: Tls | None = None,
    observers: Sequence[grpc.ServerInterceptor] = (),
) -> Server:
    """Starts a server with health, reflection, limits and error translation.

    Args:
        services: what to serve.
        listen: "host:port" (port 0: any free one) or "unix:/path/of/socket".
        threads: calls worked on at the same time; more of them wait. Streams and health probes have threads of their own.
        tls: mutual TLS; none on a private network or a Unix socket.
        observers: see every call and how it ended, errors as the status codes that peers get.

    Raises:
        ConflictError: when the address is taken.
        InvalidInputError: when it, or a TLS file, cannot be used.
    """
    lanes = Lanes(threads)
    server = grpc.server(
        lanes.work,
        options=_SERVER_OPTIONS,
        interceptors=[lanes.choosing(), *observers, *trace_interceptors.of_server(), ServerErrors(), lanes.limiting()],
    )
    names = [service.name for service in services]
    health = Health(names, {service.name: service.details for service in services if service.details is not None})
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    for service in services:
        service.add(server)
    reflection.enable_server_reflection([*names, HEALTH, reflection.SERVICE_NAME], server)
    address = bind(server, listen, tls)
    server.start()
    log.debug("serving %s on %s", ", ".join(names), address)
    return Server(address, server, health, lanes)


def connect(target: str, timeout_s: float = DEFAULT_TIMEOUT_S, tls: Tls | None = None) -> grpc.Channel:
    """Opens a channel: every replica in turn, retries while a peer is unavailable, a deadline on every unary call.

    Args:
        target: "host:port" (all addresses of the name are used), "unix:/path", or any gRPC name.
        timeout_s: deadline of calls that name none.
        tls: mutual TLS.

    Raises:
        InvalidInputError: when a TLS file cannot be used.
    """
    return _intercepted(_open(target, tls, _CLIENT_OPTIONS), timeout_s)


@dataclass(frozen=True)
class Spread:
    """A channel to all replicas of a service, by which each call goes to the one with the fewest.

    Attributes:
        channel: as that of `connect`.
        at_work: how many replicas there are that answer, as far as anybody knows; 1 where the target is a single address.
    """

    channel: grpc.Channel
    at_work: Callable[[], int]


def connect_to_all(target: str, timeout_s: float = DEFAULT_TIMEOUT_S, tls: Tls | None = None) -> Spread:
    """As `connect`, but each unary call goes to the replica that has the fewest: slow ones get less, new ones get theirs at once.

    Args:
        target: a name with any number of addresses ("host:port"), a list ("ipv4:a:1,b:2"), or what `connect` takes.
        timeout_s: deadline of calls that name none.
        tls: mutual TLS; the certificates of all replicas hold the name, where it is one.

    Raises:
        InvalidInputError: when a TLS file cannot be used.
    """
    plain = _open(target, tls, _CLIENT_OPTIONS)
    if not is_several(target):
        return Spread(_intercepted(plain, timeout_s), lambda: 1)
    host = host_of(target)
    named = (("grpc.default_authority", host),) if host else ()
    options: _Options = (*(option for option in _CLIENT_OPTIONS if option[0] != "grpc.service_config"), *named)
    peers = Peers(
        lambda: look_up(target),
        lambda address: _open(address, tls, options, host),
        lambda channel: _worker(_intercepted(channel, _PROBE_S)),
    )
    return Spread(_intercepted(SpreadChannel(peers, plain, RETRIES), timeout_s), peers.at_work)


def _worker(channel: grpc.Channel) -> str | None:
    """What a replica calls itself, "" where it has no name; None where it does not serve."""
    told = health_details(channel, timeout_s=_PROBE_S)
    return None if told is None else told.get("worker", "")


def _open(target: str, tls: Tls | None, options: _Options, certified: str | None = None) -> grpc.Channel:
    """A channel of gRPC; ``certified`` is the name in the peer's certificate, where the target does not say it."""
    name = target if "://" in target or target.startswith(("unix:", "ipv4:", "ipv6:", "dns:")) else f"dns:///{target}"
    if tls is None:
        return ClosableChannel(grpc.insecure_channel(name, options=options))
    pem = read_tls(tls)
    credentials = grpc.ssl_channel_credentials(pem.authority, pem.key, pem.certificate)
    # A socket file has no name that a certificate could hold; it is of this machine.
    certified = "localhost" if name.startswith("unix:") else certified
    local = (("grpc.ssl_target_name_override", certified),) if certified else ()
    return ClosableChannel(grpc.secure_channel(name, credentials, options=(*options, *local)))


def _intercepted(channel: grpc.Channel, timeout_s: float) -> grpc.Channel:
    return grpc.intercept_channel(channel, *trace_interceptors.of_client(), ClientErrors(timeout_s))


def is_healthy(channel: grpc.Channel, service: str = "", timeout_s: float = 2.0) -> bool:
    """Whether the peer says SERVING for ``service`` ("" stands for the whole server)."""
    return health_details(channel, service, timeout_s) is not None


def health_details(channel: grpc.Channel, service: str = "", timeout_s: float = 2.0) -> dict[str, str] | None:
    """What the peer says of itself beside SERVING, the device of a worker for example; None when it does not serve."""
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer, call = stub.Check.with_call(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(service=service), timeout=timeout_s
        )
    except Exception:
        return None
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return read_details(call.trailing_metadata() or ()) if serving else None


def wait_until_healthy(channel: grpc.Channel, name: str, seconds: float) -> None:
    """Blocks until the peer serves.

    Raises:
        UnavailableError: when it does not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while not is_healthy(channel, timeout_s=min(2.0, seconds)):
        if time.monotonic() > end:
            raise UnavailableError(f"the {name} service did not become healthy within {seconds:g} s; look at its log")
        time.sleep(0.05)


def replicas(channel: grpc.Channel, pause_s: float = 0.05) -> list[dict[str, str]]:
    """The health details of each replica behind a channel; they answer in turn. Empty when none does.

    Replicas without a name ("worker") count as one. Afterwards the channel is connected to all of them.
    """
    found: dict[str, dict[str, str]] = {}
    in_vain = 0
    while in_vain < _ASKED_IN_VAIN and (told := health_details(channel)) is not None:
        name = told.get("worker", "")
        in_vain = in_vain + 1 if name in found else 0
        found[name] = told
        if not name:
            break
        time.sleep(pause_s)
    return list(found.values())
