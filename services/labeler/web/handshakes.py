"""Handshakes of TLS: who begins many and ends none keeps nobody else out.

Asyncio waits a minute for each, and uvicorn, which counts connections, hears of one when its handshake is over.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from services.labeler.web.connections import Connection, Patience

_SHUTDOWN_S = 10.0  # for the last words of both sides


def behind_tls(make: Callable[..., Connection], context: ssl.SSLContext, patience: Patience) -> Any:
    """What uvicorn makes for each connection, where it would make one of ``make``.

    Args:
        make: a connection, which begins when the handshake is over.
        context: with the certificate.
        patience: with handshakes: ``head_s`` for each, and ``most`` at the same time.
    """
    unfinished: dict[Handshake, None] = {}

    def begin(**parts: Any) -> asyncio.Protocol:
        return Handshake(lambda: make(**parts), context, patience, unfinished)

    return begin


class Handshake(asyncio.Protocol):
    """A connection until both sides have agreed.

    Args:
        make: what speaks over it then.
        context: with the certificate.
        patience: how long it may take.
        unfinished: all that are under way, oldest first.
    """

    def __init__(
        self,
        make: Callable[[], Connection],
        context: ssl.SSLContext,
        patience: Patience,
        unfinished: dict[Handshake, None],
    ) -> None:
        self._make, self._context, self._patience, self._unfinished = make, context, patience, unfinished

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected; where too many shake hands, the oldest of these gives way."""
        transport.pause_reading()  # the first bytes are for TLS
        self._wire = transport
        self._unfinished[self] = None
        if len(self._unfinished) > self._patience.most:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest._wire.abort()
        self._task = asyncio.get_running_loop().create_task(self._agree())

    async def _agree(self) -> None:
        early = _Early()
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._wire,
                early,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._patience.head_s,
                ssl_shutdown_timeout=_SHUTDOWN_S,
            )
        except OSError:  # no TLS, another version of it, nothing for too long, or gone
            self._wire.abort()
            return
        finally:
            self._unfinished.pop(self, None)
        if transport is None or early.is_lost:
            return
        connection = self._make()
        connection.wire = self._wire
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if early.said:
            connection.data_received(early.said)


class _Early(asyncio.Protocol):
    """Keeps what is said between the end of the handshake and the moment when somebody listens."""

    def __init__(self) -> None:
        self.said = b""
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self.said += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
