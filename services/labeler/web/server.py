"""The web server: uvicorn in a thread of this process."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import threading
import time

import uvicorn

from protos.errors import ConflictError, InvalidInputError, UnavailableError
from services.labeler.web.connections import Patience, protocol
from services.labeler.web.guard import App
from services.labeler.web.handshakes import behind_tls
from services.labeler.web.page_tls import PageTls

log = logging.getLogger(__name__)

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - what people write for it
MOST_CONNECTIONS = 2000  # whoever comes then gets a 503
_START_S = 30.0
_MOST_IN_KERNEL = 128 * 1024  # bytes of an answer that wait there for a slow reader; megabytes otherwise
_REMEDY = "choose another port for the labeling page (--port of a run; ACTIVE_LABELER_WEB_PORT of a labeler on its own)"


class WebServer:
    """Serves an ASGI application until it is stopped.

    Args:
        app: what is served.
        listener: the socket, of `listen`; closed with the server.
        tls: of the page; None: plain http.
        patience: with connections that say nothing.
    """

    def __init__(
        self, app: App, listener: socket.socket, tls: PageTls | None = None, patience: Patience | None = None
    ) -> None:
        self._socket = listener
        patience = patience or Patience()
        connection = protocol(patience)
        config = uvicorn.Config(
            app,
            http=behind_tls(connection, tls.context(), patience) if tls else connection,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
            limit_concurrency=MOST_CONNECTIONS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)
        self._thread.start()
        self._wait_until_started()

    def stop(self) -> None:
        """Finishes the requests in flight and ends the thread."""
        self._server.should_exit = True
        self._thread.join(2)
        self._socket.close()

    def _wait_until_started(self) -> None:
        end = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise UnavailableError("the web server of the labeler did not start; its log says why")
            time.sleep(0.01)


def listen(host: str, port: int) -> socket.socket:
    """A socket for the page.

    Args:
        host: address to listen on.
        port: 0: any free one.

    Raises:
        ConflictError: when the port is in use.
        InvalidInputError: when the host is no address of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InvalidInputError(
            f"{host!r} is no address to listen on; set ACTIVE_LABELER_WEB_HOST to 127.0.0.1 or 0.0.0.0"
        ) from error
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(
            socket, "TCP_NOTSENT_LOWAT"
        ):  # connections take it over; without it, it is not seen that somebody reads
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_IN_KERNEL)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise _refusal(error, host, port) from error
    return listener


def _refusal(error: OSError, host: str, port: int) -> ConflictError | InvalidInputError:
    if error.errno == errno.EADDRINUSE:
        return ConflictError(f"port {port} of {host} is in use; stop what uses it, or {_REMEDY}")
    if error.errno == errno.EACCES:
        return InvalidInputError(f"port {port} is not allowed to this user; {_REMEDY}, above 1023")
    return InvalidInputError(
        f"cannot listen on {host}: {error.strerror}; set ACTIVE_LABELER_WEB_HOST to an address of this machine"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def page_url(host: str, port: int, secure: bool = False) -> str:
    """The address of the page as a browser wants it."""
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"


def own_address() -> str:
    """This machine's address in its network; 127.0.0.1 without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which way a packet would go
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
