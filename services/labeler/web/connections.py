"""Connections that nobody uses give way: who opens many and says nothing, or says it slowly, keeps nobody else out."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WANTED_FILES = 8192
_MOST_HEAD = 64 * 1024  # bytes of an address and headers
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 54\r\n\r\nan address and headers may have 65536 bytes; send less"
)


@dataclass(frozen=True)
class Patience:
    """What is borne with.

    Attributes:
        head_s: until a request has begun on a new connection: all of its headers are there.
        rest_s: until the next one has begun, after an answer.
        most: connections; where there are more, those on which no whole request has come are closed, the oldest first.
    """

    head_s: float = 15.0
    rest_s: float = 40.0
    most: int = 1000


class Connection(HttpToolsProtocol):
    """A connection of a browser. Uvicorn waits for the first request for ever, and for the next as long as bytes come."""

    patience: ClassVar[Patience]
    idle: ClassVar[dict[Connection, None]]  # no whole request has come on these; oldest first

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected; whoever has nothing to say for the longest time gives way."""
        super().connection_made(transport)
        self._rest(self.patience.head_s)
        if len(self.connections) > self.patience.most:
            oldest = next(iter(self.idle))  # there is one: this
            if oldest is not self:
                del self.idle[oldest]
                oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, which may have begun by them, or be whole. For its body the guard has a patience of its own."""
        before, in_head = self.cycle, self._in_head
        super().data_received(data)
        if in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD:
                self._refuse_head()
                return
        if self.cycle is not before:
            self._stop_timer()
        if self.cycle is not None and not (self.cycle.more_body or self.cycle.response_complete):
            self.idle.pop(self, None)

    def on_message_begin(self) -> None:
        """A request begins: httptools keeps all of its headers until the last is there."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """All headers are there."""
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The answer is out, and the next request may wait behind it."""
        waits = bool(self.pipeline)
        super().on_response_complete()
        if not waits and not self.transport.is_closing():
            self._rest(self.patience.rest_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The browser is gone, or was sent away."""
        self.idle.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def _refuse_head(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:  # another answer is on its way
            self.transport.abort()

    def _rest(self, seconds: float) -> None:
        self.idle[self] = None
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol(patience: Patience) -> Any:
    """The class of the connections of one server."""
    return type("PatientConnection", (Connection,), {"patience": patience, "idle": {}})


def allow_files() -> None:
    """Lets this process have as many open files as it may: each connection is one, and many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
