"""Connections that nobody uses give way: who opens many and says nothing, or says it slowly, keeps nobody else out."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WANTED_FILES = 8192
_MOST_HEAD = 64 * 1024  # bytes of an address and headers
_LEAST_TAKEN = 16 * 1024  # bytes of an answer that somebody who reads takes in a look's time
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
        taken_s: in which something of an answer is taken, while it waits to be read.
        most: connections; where there are more, those on which no whole request has come or whose answer waits to be read
            are closed, the oldest first; and handshakes of TLS that are not over.
    """

    head_s: float = 15.0
    rest_s: float = 40.0
    taken_s: float = 60.0
    most: int = 1000


class Connection(HttpToolsProtocol):
    """A connection of a browser. Uvicorn waits for the first request for ever, and for the next as long as bytes come."""

    patience: ClassVar[Patience]
    idle: ClassVar[dict[Connection, None]]  # no whole request has come on these, or nobody reads; oldest first

    wire: asyncio.Transport | None = None  # below TLS
    _timer: asyncio.TimerHandle | None = None
    _look_timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0
    _unsent_before = 0
    _has_moved = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected; whoever has nothing to say for the longest time gives way."""
        super().connection_made(transport)
        self._rest(self.patience.head_s)
        self._look_again()
        if len(self.connections) > self.patience.most:
            oldest = next(iter(self.idle))  # there is one: this
            if oldest is not self:
                del self.idle[oldest]
                oldest.drop()

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
        if self._is_answering():
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

    def pause_writing(self) -> None:
        """More of an answer waits than the network takes."""
        super().pause_writing()
        self.idle.setdefault(self)

    def resume_writing(self) -> None:
        """Most of it is gone."""
        super().resume_writing()
        self._has_moved = True
        if self._is_answering():
            self.idle.pop(self, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The browser is gone, or was sent away."""
        self.idle.pop(self, None)
        self._stop_timer()
        if self._look_timer is not None:
            self._look_timer.cancel()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Ends the connection at once, whatever waits to be sent."""
        (self.wire or self.transport).abort()

    def _refuse_head(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:  # another answer is on its way
            self.drop()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not (self.cycle.more_body or self.cycle.response_complete)

    def _rest(self, seconds: float) -> None:
        self.idle[self] = None
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._has_rested, seconds)

    def _has_rested(self, seconds: float) -> None:
        if self._unsent():
            self._timer = self.loop.call_later(seconds, self._has_rested, seconds)
        else:
            self.drop()

    def _look_again(self) -> None:
        self._look_timer = self.loop.call_later(self.patience.taken_s, self._look)

    def _look(self) -> None:
        """Whether something of the answer has been taken since the last look. Uvicorn waits for that for ever."""
        unsent = self._unsent()
        is_stuck = unsent > max(0, self._unsent_before - _LEAST_TAKEN)
        if self._unsent_before and is_stuck and not self._has_moved:
            self.drop()
            return
        self._unsent_before, self._has_moved = unsent, False
        self._look_again()

    def _unsent(self) -> int:
        """Bytes of answers that the network has not taken."""
        if self.wire is None:
            return self.transport.get_write_buffer_size()
        above = 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()
        return above + self.wire.get_write_buffer_size()

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
