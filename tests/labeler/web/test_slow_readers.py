"""Clients that ask and never read the answer: they are dropped, and those that read slowly get all of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.certificates import write_certificates
from services.labeler.web.connections import Patience
from services.labeler.web.guard import Guard
from services.labeler.web.page_tls import PageTls
from services.labeler.web.server import WebServer, listen
from tests.labeler.kit import wait_for

LARGE = 24 << 20  # more than the buffers of a socket take
PART = 1 << 20
GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
LAST = b"Connection: close\r\n"


async def large(scope: Any, receive: Any, send: Any) -> None:
    """A small answer, a large one in one piece, or one in parts."""
    size = 8 if scope["path"] == "/small" else LARGE
    step = size if scope["path"] in ("/small", "/whole") else PART
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    for start in range(0, size, step):
        await send({"type": "http.response.body", "body": b"x" * step, "more_body": start + step < size})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    write_certificates(folder)
    return folder / "labeler"


class Place:
    """A server, with or without TLS, and how one connects to it."""

    def __init__(self, patience: Patience, certificates: Path | None) -> None:
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self._trust = ssl.create_default_context(cafile=certificates / "authority.pem") if certificates else None
        files = [str(certificates / f"{name}.pem") for name in ("certificate", "key")] if certificates else []
        self.server = WebServer(Guard(large), listener, PageTls(*files) if files else None, patience)

    def ask(self, path: bytes, headers: bytes = b"") -> socket.socket:
        """Sends a request, and reads nothing."""
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        opened.settimeout(20)
        opened.connect(("127.0.0.1", self.port))
        if self._trust is not None:
            opened = self._trust.wrap_socket(opened, server_hostname="localhost")
        opened.sendall(GET % (path, headers))
        return opened

    def get(self) -> bytes:
        """What somebody else is answered."""
        secure = self._trust is not None
        with httpx.Client(verify=self._trust or True, timeout=20) as web:
            return web.get(f"http{'s' if secure else ''}://localhost:{self.port}/small").content

    @property
    def connections(self) -> int:
        return len(self.server._server.server_state.connections)


@pytest.fixture(params=["http", "https"])
def made(request: pytest.FixtureRequest, certificates: Path) -> Iterator[Any]:
    """Makes places, and closes them."""
    places: list[Place] = []

    def make(**patience: Any) -> Place:
        places.append(Place(Patience(**patience), certificates if request.param == "https" else None))
        return places[-1]

    yield make
    for place in places:
        place.server.stop()


@pytest.mark.parametrize("headers", [b"", LAST], ids=["kept", "the last"])
@pytest.mark.parametrize("path", [b"whole", b"parts"])
def test_an_answer_that_nobody_reads_is_dropped(made: Any, path: bytes, headers: bytes) -> None:
    place = made(taken_s=0.4, rest_s=0.4)
    with place.ask(path, headers) as opened:
        opened.recv(1)  # it has begun
        wait_for(lambda: place.connections == 0, 20)
        with contextlib.suppress(OSError):
            assert 1 + len(opened.recv(LARGE, *([] if place._trust else [socket.MSG_WAITALL]))) < LARGE
    assert place.get() == b"x" * 8


@pytest.mark.slow
@pytest.mark.parametrize("path", [b"whole", b"parts"])
def test_an_answer_that_is_read_slowly_arrives(made: Any, path: bytes) -> None:
    place = made(taken_s=2.0, rest_s=0.2)
    heard = 0
    with place.ask(path, LAST) as opened:
        pause = time.monotonic() + 5  # longer than any patience
        while part := opened.recv(1 << 16):
            heard += len(part)
            if time.monotonic() < pause:
                time.sleep(0.02)
    assert heard > LARGE


@pytest.mark.parametrize("path", [b"whole", b"parts"])
def test_who_does_not_read_gives_way_to_who_does(made: Any, path: bytes) -> None:
    place = made(most=5)
    held = []
    for _ in range(12):
        held.append(place.ask(path))
        held[-1].recv(1)  # its answer has begun
    assert place.get() == b"x" * 8
    wait_for(lambda: place.connections <= 6)
    for opened in held:
        opened.close()
