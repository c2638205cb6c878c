"""Connections that say nothing, or say it slowly: they are closed, and those at work are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.artifacts import ArtifactStore
from services.labeler.web import guard
from services.labeler.web.connections import Patience
from services.labeler.web.guard import Guard
from services.labeler.web.server import WebServer, listen
from tests.labeler.kit import Service, paint, publish_folder
from tests.labeler.web.kit import sync

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"

BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[1"


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Answers in parts, over a longer time than anybody may be silent."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    for _ in range(8):
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _serving(patience: Patience) -> Iterator[int]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = WebServer(Guard(slow), listener, patience=patience)
    yield port
    server.stop()


@pytest.fixture
def hasty() -> Iterator[int]:
    """The port of a server that waits for no one."""
    yield from _serving(Patience(head_s=0.4, rest_s=0.4))


@pytest.fixture
def small() -> Iterator[int]:
    """The port of a server of five connections."""
    yield from _serving(Patience(head_s=60, rest_s=60, most=5))


def _connect(port: int, said: bytes = b"") -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=20)
    opened.sendall(said)
    return opened


def _is_closed(opened: socket.socket) -> bool:
    """Waits for the end of what the server has to say."""
    try:
        while opened.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("said", [b"", b"G", HEAD, b"\r\n" * 20])
def test_what_never_becomes_a_request_is_closed(hasty: int, said: bytes) -> None:
    assert _is_closed(_connect(hasty, said))


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(hasty: int) -> None:
    with _connect(hasty, HEAD) as opened, pytest.raises(OSError):  # a broken pipe, or a reset connection
        for _ in range(200):
            opened.sendall(b"x")
            time.sleep(0.05)


def test_a_body_that_does_not_come_is_a_408(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_BODY_SECONDS", 0.3)
    with _connect(small, BODY) as opened:
        assert opened.recv(65536).startswith(b"HTTP/1.1 408")


def test_after_an_answer_bytes_alone_keep_nothing_open(hasty: int) -> None:
    with _connect(hasty, HEAD + b"\r\n") as opened:
        heard = b""
        while not heard.endswith(b"x" * 8):
            heard += opened.recv(65536)
        opened.sendall(b"GET / HT")
        assert _is_closed(opened)


def test_an_answer_may_take_longer_than_a_silence(hasty: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{hasty}") as client:
        assert [client.get("/").content for _ in range(2)] == [b"x" * 8] * 2


def test_requests_behind_each_other_are_all_answered(hasty: int) -> None:
    with _connect(hasty, (HEAD + b"\r\n") * 3) as opened:
        heard = b""
        while heard.count(b"x" * 8) < 3:
            part = opened.recv(65536)
            assert part, heard
            heard += part


@pytest.mark.parametrize("said", [b"", HEAD, BODY], ids=["nothing", "half a head", "half a body"])
def test_the_oldest_silent_connection_gives_way(small: int, said: bytes) -> None:
    working = _connect(small, HEAD + b"\r\n")
    heard = working.recv(65536)  # the answer has begun
    silent = [_connect(small, said) for _ in range(10)]
    assert all(_is_closed(opened) for opened in silent[:6])
    with httpx.Client(base_url=f"http://127.0.0.1:{small}") as client:
        assert client.get("/").content == b"x" * 8
    while not heard.endswith(b"x" * 8):
        heard += working.recv(65536)


def test_a_labeler_that_may_open_few_files_still_serves_while_many_connect(tmp_path: Path) -> None:
    paint(tmp_path / "data", ["a.png"])
    service = Service(tmp_path / "labeler", files=300)
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), tmp_path / "data"), run="r")
    silent = [_connect(service.port, HEAD) for _ in range(400)]
    with httpx.Client(base_url=service.url, timeout=20) as web:
        assert sync(web, "r")["run"] == "r"
    for opened in silent:
        opened.close()
    service.stop()


@pytest.mark.parametrize("begun", [HEAD, b"GET /", HEAD + b"X: "], ids=["many headers", "an address", "one header"])
def test_a_head_without_an_end_is_refused(small: int, begun: bytes) -> None:
    more = b"A: " + b"b" * 997 + b"\r\n" if begun == HEAD else b"c" * 1000
    with _connect(small, begun) as opened:
        said = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(2000):
                opened.sendall(more)
        with contextlib.suppress(ConnectionError):
            while part := opened.recv(65536):
                said += part
    assert said == b"" or said.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))  # b"": reset while it was sent
    assert httpx.get(f"http://127.0.0.1:{small}/", timeout=20).status_code == 200


def test_a_head_without_an_end_behind_an_answer_on_its_way_is_cut_off(small: int) -> None:
    with _connect(small, HEAD + b"\r\n" + HEAD) as opened:
        with pytest.raises(ConnectionError):
            for _ in range(20_000):
                opened.sendall(b"A: " + b"b" * 997 + b"\r\n")
    assert httpx.get(f"http://127.0.0.1:{small}/", timeout=20).status_code == 200


def test_large_headers_below_the_limit_are_taken(small: int) -> None:
    headers = {f"x-{n}": "a" * 2000 for n in range(20)}
    assert httpx.get(f"http://127.0.0.1:{small}/", headers=headers, timeout=20).status_code == 200
