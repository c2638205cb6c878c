"""Handshakes of TLS that stand still: they are ended, and give way; pages that speak TLS are served meanwhile."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.certificates import write_certificates
from services.labeler.web.connections import Patience
from services.labeler.web.page_tls import PageTls
from services.labeler.web.server import WebServer, listen
from tests.labeler.web.test_connections import HEAD, slow

Ask = Callable[[int], bytes]
Start = Callable[..., int]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    write_certificates(folder)
    return folder / "labeler"


@pytest.fixture
def start(certificates: Path) -> Iterator[Start]:
    """Starts servers that speak TLS, and gives their ports."""
    servers: list[WebServer] = []

    def make(**patience: float) -> int:
        listener = listen("127.0.0.1", 0)
        port: int = listener.getsockname()[1]
        files = PageTls(str(certificates / "certificate.pem"), str(certificates / "key.pem"))
        servers.append(WebServer(slow, listener, files, Patience(**patience)))  # type: ignore[arg-type]
        return port

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def ask(certificates: Path) -> Ask:
    """What a browser gets."""
    trust = ssl.create_default_context(cafile=certificates / "authority.pem")

    def get(port: int) -> bytes:
        with httpx.Client(verify=trust, timeout=20) as web:
            return web.get(f"https://localhost:{port}/").content

    return get


def _hello() -> bytes:
    """The first message of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = _hello()


def _connect(port: int, said: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=20)
    opened.sendall(said)
    return opened


def _until_closed(opened: socket.socket) -> bytes:
    """What the server has to say to its end; fails after twenty seconds."""
    said = b""
    try:
        while part := opened.recv(65536):
            said += part
    except ConnectionError:
        pass
    return said


@pytest.mark.parametrize("said", [b"", HELLO[:1], HELLO[:40], HELLO], ids=["nothing", "a byte", "a part", "all"])
def test_a_handshake_that_stands_still_is_ended(start: Start, ask: Ask, said: bytes) -> None:
    port = start(head_s=0.5)
    with _connect(port, said) as opened:
        heard = _until_closed(opened)
    assert bool(heard) == (said == HELLO), "only a whole first message is answered"
    assert ask(port) == b"x" * 8


@pytest.mark.parametrize("said", [b"", HELLO], ids=["nothing", "hello"])
def test_the_oldest_handshake_gives_way(start: Start, ask: Ask, said: bytes) -> None:
    port = start(head_s=600, most=5)
    held = [_connect(port, said) for _ in range(12)]
    for opened in held[:6]:
        _until_closed(opened)
    assert ask(port) == b"x" * 8
    for opened in held:
        opened.close()


@pytest.mark.parametrize("said", [HEAD + b"\r\n", b"\0" * 5000, b"\x16\x03\x01\xff\xff" + b"a" * 70_000])
def test_what_is_no_tls_is_closed(start: Start, ask: Ask, said: bytes) -> None:
    port = start(head_s=600)
    with _connect(port, b"") as opened:
        with contextlib.suppress(ConnectionError):
            opened.sendall(said)
        assert b"HTTP/1.1 200" not in _until_closed(opened)
    assert ask(port) == b"x" * 8


def test_after_its_handshake_a_connection_that_says_nothing_is_closed(start: Start, certificates: Path) -> None:
    port = start(head_s=0.5)
    trust = ssl.create_default_context(cafile=certificates / "authority.pem")
    with trust.wrap_socket(_connect(port, b""), server_hostname="localhost") as opened:
        assert opened.recv(10) == b""


def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(start: Start, certificates: Path) -> None:
    port = start()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    trust = ssl.create_default_context(cafile=certificates / "authority.pem")
    client = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with _connect(port, b"") as opened:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                opened.sendall(outgoing.read())
                incoming.write(opened.recv(65536))
        client.write(HEAD + b"Connection: close\r\n\r\n")
        opened.sendall(outgoing.read())  # the last message of the handshake, and the request, at once
        heard = b""
        while not heard.endswith(b"x" * 8):
            incoming.write(opened.recv(65536))
            try:
                while part := client.read(65536):
                    heard += part
            except ssl.SSLWantReadError:
                continue
    assert heard.startswith(b"HTTP/1.1 200")
