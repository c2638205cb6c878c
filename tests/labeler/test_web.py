"""The web side over a real uvicorn: what it gives, and what it refuses."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder

NAMES = ["a.png", "b.png", "broken.jpg", "<img src=x onerror=alert(1)>.png", "\u202egnp.exe.png"]
CLIENT = "a" * 16


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    paint(folder / "data", NAMES)
    (folder / "data" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image at all")
    Image.new("RGB", (3000, 1000), "teal").save(folder / "data" / "large.jpg")
    (Path(os.fsdecode(bytes(folder / "data") + b"/not\xff-utf8.png"))).write_bytes((folder / "data/a.png").read_bytes())
    (folder / "secret.png").write_bytes((folder / "data/a.png").read_bytes())
    started = Service(
        folder,
        ACTIVE_LABELER_ALLOWED_HOSTS="labels.example.org, .lab.example",
        ACTIVE_LABELER_WEB_URL="https://page.example:8443/",
    )
    started.open_run(publish_folder(ArtifactStore(folder / "artifacts"), folder / "data"), run="web")
    yield started
    started.stop()


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


@pytest.fixture
def run(service: Service, request: pytest.FixtureRequest) -> str:
    """A run of its own for each test, over the same images."""
    name = f"run{abs(hash(request.node.name))}"
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), service.folder / "data"), run=name)
    service.offer(range(7), run=name)
    return name


def sync(web: httpx.Client, run: str, **parts: Any) -> dict[str, Any]:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT, "annotator": "Ann", **parts})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_page_gets_cards_and_gives_answers(web: httpx.Client, run: str, service: Service) -> None:
    first = sync(web, run, want=3)
    assert [card["item"] for card in first["cards"]] == [0, 1, 2]
    assert (first["run"], first["question"], first["batch_size"]) == (run, "Is there a plane?", 10)
    said = [{"sequence": 5, "item": 0, "round": 1, "answer": "positive"}]
    second = sync(web, run, events=said, hold=[1, 2], want=3)
    assert second["saved"] == [5]
    assert second["held"] == [1, 2]
    assert [card["item"] for card in second["cards"]] == [3]
    assert second["progress"] == {"round": 1, "open": 6, "answered": 1, "positives": 1, "yours": 1}
    again = sync(web, run, events=said, hold=[1, 2, 3], want=0)
    assert again["saved"] == [5]
    assert service.answers(run) == [(0, pb.ANSWER_POSITIVE)]


def test_names_of_files_are_text_that_can_be_sent(web: httpx.Client, run: str) -> None:
    names = [card["name"] for card in sync(web, run, want=7)["cards"]]
    assert "<img src=x onerror=alert(1)>.png" in names
    assert "not\ufffd-utf8.png" in names
    assert "\ufffdgnp.exe.png" in names
    assert not any("\u202e" in name or "/" in name for name in names)


def test_a_picture_is_made_small_and_upright(web: httpx.Client, run: str) -> None:
    cards = {card["name"]: card for card in sync(web, run, want=7)["cards"]}
    large = web.get(cards["large.jpg"]["image"])
    assert large.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(large.content)).size == (1600, 533)
    tiny = web.get(cards["a.png"]["image"])
    assert tiny.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(tiny.content)).convert("RGB").getpixel((5, 5)) == (37 * 0, 0, 0)
    assert web.get(cards["not\ufffd-utf8.png"]["image"]).status_code == 200


def test_a_picture_that_cannot_be_shown_says_why_and_can_be_answered(web: httpx.Client, run: str) -> None:
    cards = {card["name"]: card for card in sync(web, run, want=7)["cards"]}
    for _ in range(2):  # made, and remembered
        answer = web.get(cards["broken.jpg"]["image"])
        assert answer.status_code == 422
        assert "no image of a known format" in answer.json()["error"]
        assert answer.json()["run"] == run
    said = [{"sequence": 1, "item": cards["broken.jpg"]["item"], "round": 1, "answer": "unsure"}]
    assert sync(web, run, events=said)["saved"] == [1]


@pytest.mark.parametrize(
    "item", ["7", "9007199254740991", "99999999999999999999999", "-1", "1.5", "a", "0x1", "%2e%2e", "..%2fsecret.png"]
)
def test_only_images_of_the_catalog_are_served(web: httpx.Client, run: str, item: str) -> None:
    answer = web.get(f"api/runs/{run}/images/{item}")
    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/json"


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


def test_finishing_early_gives_the_rest_back(web: httpx.Client, run: str, service: Service) -> None:
    sync(web, run, want=3)
    answer = web.post(f"api/runs/{run}/finish", json={"round": 1})
    assert answer.json() == {"run": run, "round": 1, "withdrawn": 7}
    assert sync(web, run, hold=[0, 1, 2], want=3)["held"] == []
    assert service.queue(run=run).withdrawn == 7


def test_the_runs_are_listed(web: httpx.Client, run: str) -> None:
    known = {entry["run"]: entry for entry in web.get("api/runs").json()["runs"]}
    assert known[run] == {"run": run, "name": "Planes", "question": "Is there a plane?", "open": 7, "finished": False}


def test_an_unknown_run(web: httpx.Client) -> None:
    answer = web.post("api/runs/nothing/sync", json={"client": CLIENT})
    assert answer.status_code == 404
    assert "no run 'nothing'" in answer.json()["error"]
    assert web.post("api/runs/nothing/finish", json={"round": 1}).status_code == 404


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
        b'{"client": "aaaaaaaaaaaa", "want": 51}',
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


def test_the_page_names_nothing_outside_and_nothing_absolute(web: httpx.Client) -> None:
    """So that it works behind a prefix, in a closed network, and under its own policy."""
    import re

    page = web.get("").text
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith("static/"), address
    assert "style=" not in page
    static = Path(__file__).parents[2] / "services/labeler/web/static"
    for file in [*static.glob("*.js"), *static.glob("*.css")]:
        text = file.read_text()
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", text), file
        for imported in re.findall(r'from "([^"]*)"', text):
            assert imported.startswith("./")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_other_methods(web: httpx.Client, method: str) -> None:
    answer = web.request(method, "api/runs", headers={"Content-Type": "application/json"})
    assert answer.status_code == 405


def test_every_module_is_fetched_at_once(web: httpx.Client) -> None:
    """Not one after the other, as they are found: each step costs a phone a round trip."""
    import re

    static = Path(__file__).parents[2] / "services/labeler/web/static"
    named = set(re.findall(r'static/(\w+)\.js"', web.get("").text))
    assert named == {file.stem for file in static.glob("*.js")}


def test_answers_are_acknowledged_even_when_the_catalog_is_gone(tmp_path: Path) -> None:
    paint(tmp_path / "data", ["a.png", "b.png"])
    first = Service(tmp_path)
    catalog = publish_folder(ArtifactStore(tmp_path / "artifacts"), tmp_path / "data")
    first.open_run(catalog)
    first.offer([0, 1])
    first.stop()
    (tmp_path / "artifacts" / catalog.path).unlink()
    second = Service(tmp_path)
    with httpx.Client(base_url=second.url) as web:
        said = [{"sequence": 1, "item": 0, "round": 1, "answer": "positive"}]
        reply = sync(web, "r1", events=said, want=2)
        assert reply["saved"] == [1]
        assert [card["name"] for card in reply["cards"]] == ["image 1"]
        assert web.get(reply["cards"][0]["image"]).status_code == 404
    second.stop()
