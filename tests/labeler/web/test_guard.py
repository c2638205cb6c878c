"""What the web side refuses, and what every answer of it carries."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.labeler.kit import Service
from tests.labeler.web.kit import CLIENT

WEB = Path(__file__).parents[3] / "services/labeler/web"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "static/../../settings.py",
        "static/%2e%2e/%2e%2e/settings.py",
        "static//etc/passwd",
        "api/runs/../x",
        "nothing",
    ],
)
def test_there_is_no_way_to_other_files(service: Service, path: str) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as raw:  # a client library would tidy the path
        raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"client": "' + b"9" * 5000,
        b"1" * 5000,
        b"{}",
        b'{"client": "AAAAAAAAAAAA"}',
        b'{"client": "short"}',
        b'{"client": "import:1:seed"}',
        b'{"client": "aaaaaaaaaaaa", "more": 1}',
        b'{"client": "aaaaaaaaaaaa", "hold": [-1]}',
        b'{"client": "aaaaaaaaaaaa", "hold": [1e400]}',
        b'{"client": "aaaaaaaaaaaa", "hold": [NaN]}',
        b'{"client": "aaaaaaaaaaaa", "hold": [true]}',
        b'{"client": "aaaaaaaaaaaa", "hold": ["../../etc/passwd"]}',
        b'{"client": "aaaaaaaaaaaa", "want": 201}',
        b'{"client": "aaaaaaaaaaaa", "events": [{"sequence": 1, "item": 0, "answer": "maybe"}]}',
        b'{"client": "aaaaaaaaaaaa", "events": [{"sequence": 18446744073709551616, "item": 0, "answer": "unsure"}]}',
        b'{"client": "aaaaaaaaaaaa", "events": [{"item": 0, "answer": "unsure"}]}',
    ],
)
def test_garbage_is_refused_with_a_sentence(web: httpx.Client, run: str, body: bytes) -> None:
    answer = web.post(f"api/runs/{run}/sync", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


_words = st.text(max_size=20) | st.integers() | st.floats() | st.none() | st.booleans()


_shapes = st.recursive(
    _words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries(
        {"client": st.just("b" * 12)},
        optional={
            "annotator": st.text(max_size=300) | _shapes,
            "events": st.lists(
                st.fixed_dictionaries(
                    {
                        "sequence": st.integers(0, 50),
                        "item": st.integers(0, 12),
                        "answer": st.sampled_from(["positive", "retracted", "x"]),
                    },
                    optional={"round": st.integers(-1, 2**33)},
                )
                | _shapes,
                max_size=4,
            ),
            "hold": st.lists(st.integers(-2, 2**64), max_size=5) | _shapes,
            "want": st.integers(-2, 60) | _shapes,
            "leave": _shapes,
        },
    )
)
def test_no_body_makes_the_labeler_stumble(web: httpx.Client, body: dict[str, Any]) -> None:
    import json

    text = json.dumps(body)  # with NaN, Infinity and lone surrogates as they come
    answer = web.post("api/runs/web/sync", content=text.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/runs/web/sync HTTP/1.1\r\nHost: localhost\r\nContent-Length: nonsense\r\n\r\n",
    ],
)
def test_what_is_no_http(service: Service, web: httpx.Client, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert b" 50" not in answer.split(b"\r\n")[0]
    assert web.get("api/runs").status_code == 200


def test_a_large_body_is_refused(web: httpx.Client, run: str) -> None:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT, "annotator": "x" * 70_000})
    assert answer.status_code == 413


def _chunks() -> Iterator[bytes]:
    for _ in range(1000):
        yield b" " * 1024


def test_a_large_body_without_a_length_is_refused(web: httpx.Client, run: str) -> None:
    try:
        answer = web.post(f"api/runs/{run}/sync", content=_chunks(), headers={"Content-Type": "application/json"})
    except (httpx.WriteError, httpx.ReadError):
        return  # refused before all of it was sent
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:5000", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:5000", 200),
        ("192.168.1.5:5000", 200),  # a phone in the same network
        ("page.example:8443", 200),
        ("labels.example.org", 200),
        ("a.lab.example", 200),
        ("lab.example", 421),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("labels.example.org.evil.example", 421),
        ("notlab.example", 421),
        ("127.0.0.1.evil.example", 421),
    ],
)
def test_only_known_names_reach_the_page(web: httpx.Client, host: str, status: int) -> None:
    answer = web.get("api/runs", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert "ACTIVE_LABELER_ALLOWED_HOSTS" in answer.json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:1234", "Host": "localhost:1234"}, 200),
        ({"Origin": "https://labels.example.org"}, 200),  # a proxy that says the inner name in Host
        ({"Origin": "http://localhost:9999", "Host": "localhost:1234"}, 403),
        ({"Origin": "http://127.0.0.1:9999", "Host": "127.0.0.1:1234"}, 403),
        ({"Origin": "http://192.168.1.5:9999", "Host": "192.168.1.5:1234"}, 403),
        ({"Origin": "https://page.example:8443"}, 200),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_sites_change_nothing(web: httpx.Client, run: str, headers: dict[str, str], status: int) -> None:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "path", ["", "static/app.js", "static/style.css", "api/runs", "api/runs/web/images/0", "nowhere"]
)
def test_every_answer_is_guarded(web: httpx.Client, path: str) -> None:
    headers = web.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("headers", "isolated"),
    [
        ({}, True),
        ({"Host": "localhost:5000"}, True),
        ({"Host": "[::1]:5000"}, True),
        ({"Host": "192.168.1.5:5000"}, False),  # plain http from elsewhere: a browser would only complain
        ({"Host": "192.168.1.5:5000", "X-Forwarded-Proto": "https"}, True),
        ({"Host": "192.168.1.5:5000", "X-Forwarded-Proto": "http, https"}, False),
    ],
)
def test_a_page_is_isolated_where_browsers_heed_that(
    web: httpx.Client, headers: dict[str, str], isolated: bool
) -> None:
    assert ("cross-origin-opener-policy" in web.get("", headers=headers).headers) == isolated


def test_the_page_names_nothing_outside_and_nothing_absolute(web: httpx.Client) -> None:
    """So that it works behind a prefix, in a closed network, and under its own policy."""
    import re

    page = web.get("").text
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith("static/"), address
    assert "style=" not in page
    own = r"https?://|innerHTML|outerHTML|InnerHTML|insertAdjacent|document\.write|eval\("
    for file in [each for each in (WEB / "frontend/src").rglob("*.*") if each.is_file()]:
        assert not re.search(own, file.read_text()), file
    for file in [*(WEB / "static").glob("*.js"), *(WEB / "static").glob("*.css")]:
        text = file.read_text()  # with what the page is made of: the names of SVG and MathML are no addresses
        assert not re.search(r"https?://(?!www\.w3\.org/)|insertAdjacent|document\.write|eval\(", text), file
        for imported in re.findall(r'from"([^"]*)"|import\("([^"]*)"\)', text):
            assert "".join(imported).startswith("./"), imported


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_other_methods(web: httpx.Client, method: str) -> None:
    answer = web.request(method, "api/runs", headers={"Content-Type": "application/json"})
    assert answer.status_code == 405


def test_the_swipe_page_is_one_script_and_small(web: httpx.Client) -> None:
    """Modules that are found one after the other cost a phone a round trip each; 60 KB is what it may cost in all."""
    import gzip
    import re

    named = re.findall(r'static/(\w+)\.js"', web.get("").text)
    assert named == ["boot", "app"]
    assert not re.search(r'(?:^|;)import[{"*\s]', (WEB / "static/app.js").read_text())
    assert sum(len(gzip.compress((WEB / f"static/{name}.js").read_bytes())) for name in named) <= 60_000


def test_the_licences_of_what_the_page_is_made_of_come_with_it(web: httpx.Client) -> None:
    import json

    licences = web.get("static/licenses.md").text
    for name, version in json.loads((WEB / "frontend/package.json").read_text())["dependencies"].items():
        assert f"## {name} - {version}" in licences
        for script in ("app", "pages", "charts"):
            assert name in (WEB / f"static/{script}.js").read_text().split("*/")[0].lower()
    assert licences.count("Copyright (c)") >= 3 and "without warranty of any kind" in licences.lower()
