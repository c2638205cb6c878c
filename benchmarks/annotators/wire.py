"""HTTP/1.1 as thin as it can be: the annotators share two cores with the labeler, and are not what is measured.

Connections stay open and are used again, as a browser's; an answer has to have its length in a header, which the labeler's have.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

_SECONDS = 15.0
_MOST = 6  # connections of a browser to one host
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "

TROUBLE = (OSError, TimeoutError)  # what a page bears with, and tries again


class Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._read, self._wanted = bytearray(), -1
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._read += data
        if self._wanted < 0:
            head = self._read.find(_END)
            if head < 0:
                return
            length = self._read.find(_LENGTH, 0, head)
            if length < 0:
                self.close(ConnectionError("an answer does not say how long it is"))
                return
            start = length + len(_LENGTH)
            self._wanted = head + len(_END) + int(self._read[start : self._read.find(b"\r\n", start)])
        if len(self._read) < self._wanted or self._answer is None:
            return
        answer, self._answer = self._answer, None
        whole = bytes(self._read)
        self._read, self._wanted = bytearray(), -1
        if not answer.done():
            answer.set_result(whole)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self.close(ConnectionError("the labeler hung up"))

    def close(self, why: Exception) -> None:
        """Ends it, and whoever waits hears why."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(why)

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer to a request.

        Raises:
            OSError: when none comes, or it is no 200.
            TimeoutError: when it takes too long; the connection is then of no use any more.
        """
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(_SECONDS):
                whole = await self._answer
        except TimeoutError:
            self.close(ConnectionError("it took too long"))
            raise
        if not whole.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"the labeler says {whole[:200]!r}")
        return whole[whole.find(_END) + len(_END) :]


class Http:
    """A browser's connections to the labeler on this machine.

    Args:
        port: of the page.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        # What Chromium sends with a request of the page.
        here = f"http://127.0.0.1:{port}"
        lines = (
            *(f"host: 127.0.0.1:{port}", "connection: keep-alive", "user-agent: Mozilla/5.0 (a scripted annotator)"),
            *("accept: */*", "accept-encoding: gzip, deflate, br", "accept-language: en", f"origin: {here}"),
            *(f"referer: {here}/", "sec-fetch-site: same-origin", "sec-fetch-mode: cors", "sec-fetch-dest: empty"),
        )
        self._headers = "".join(f"{line}\r\n" for line in lines)
        self._idle: list[Connection] = []
        self._turns = asyncio.Semaphore(_MOST)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the labeler says to JSON, one of `TROUBLE` where it says nothing or no."""
        data = json.dumps(body)
        kind = f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        return dict(json.loads(await self._ask(f"POST /{path} HTTP/1.1\r\n{self._headers}{kind}{data}")))

    async def get(self, path: str) -> bytes:
        """What lies there, or one of `TROUBLE`."""
        return await self._ask(f"GET /{path} HTTP/1.1\r\n{self._headers}\r\n")

    def close(self) -> None:
        """Ends all connections."""
        while self._idle:
            self._idle.pop().close(ConnectionError("closed"))

    async def _ask(self, request: str) -> bytes:
        async with self._turns:
            while self._idle and not self._idle[-1].is_open:
                self._idle.pop()
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                return await connection.ask(request.encode())
            finally:
                if connection.is_open:
                    self._idle.append(connection)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self._port))[1]
