"""The express lane: what pages ask for all the time goes past the framework, and hears the same as by it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.pictures.shelf import Shelf
from services.labeler.pictures.workshop import Workshop
from services.labeler.web.counter import Counter
from services.labeler.web.express import Express
from services.labeler.web.guard import Receive, Scope, Send
from tests.labeler.kit import log_of, offer, open_desk, paint, publish_folder, to_run
from tests.labeler.web.kit import CLIENT, sync

Ask = Callable[..., httpx.Response]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    paint(tmp_path / "data", ["a.png", "b.png"])
    store = ArtifactStore(tmp_path / "artifacts")
    desk = open_desk(f"sqlite:///{tmp_path}/labels.sqlite", store)
    desk.open_run(to_run(publish_folder(store, tmp_path / "data"))).result()
    offer(desk, [0, 1])
    yield desk
    desk.close()


@pytest.fixture
def ask(desk: Desk, tmp_path: Path) -> Iterator[Ask]:
    """Asks the lane alone: what it passes on is answered by 418."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": body})

    workshop = Workshop(tmp_path / "cache")
    lane = httpx.ASGITransport(Express(application, Counter(desk, Shelf(workshop))))

    def ask(method: str, path: str, **what: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=lane, base_url="http://here") as client:
                return await client.request(method, path, **what)

        return asyncio.run(asked())

    yield ask
    workshop.close()


def test_an_exchange_and_a_picture_take_the_lane(ask: Ask, desk: Desk) -> None:
    first = ask("POST", "/api/runs/r1/sync", json={"client": CLIENT, "annotator": "Ann", "want": 2})
    assert first.status_code == 200
    card = first.json()["cards"][0]
    said = {"sequence": 1, "item": card["item"], "round": card["round"], "answer": "positive"}
    assert ask("POST", "/api/runs/r1/sync", json={"client": CLIENT, "events": [said]}).json()["saved"] == [1]
    assert log_of(desk) == [(card["item"], "positive", "anonymous")]
    picture = ask("GET", f"/{card['image']}")
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/webp"
    assert picture.headers["cache-control"] == "private, max-age=86400, immutable"
    assert Image.open(io.BytesIO(picture.content)).size == (64, 48)


@pytest.mark.parametrize(
    "query", ["", "?v=0", "?v=1a2b&size=tile", "?size=screen", "?size=full&levels=auto", "?levels="]
)
def test_all_looks_take_the_lane(ask: Ask, query: str) -> None:
    assert ask("GET", f"/api/runs/r1/images/1{query}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/runs/r1/sync"),
        ("POST", "/api/runs/r1/images/1"),
        ("HEAD", "/api/runs/r1/images/1"),
        ("GET", "/api/runs/r1/images/1/"),
        ("GET", "/api/runs/r1/images/-1"),
        ("GET", "/api/runs/r1/images/9007199254740992"),
        ("GET", "/api/runs/r1/images/1?size=huge"),
        ("GET", "/api/runs/r1/images/1?v=1size=tile"),
        ("GET", "/api/runs/r1/images/1?levels=auto&size=tile"),
        ("GET", "/api/runs/.r1/images/1"),
        ("GET", "/api/runs/r1%2F..%2Fr2/images/1"),
        ("POST", f"/api/runs/{'r' * 101}/sync"),
        ("POST", "/api/runs/r1/sync/"),
        ("GET", "/api/runs"),
        ("GET", "/"),
    ],
)
def test_what_is_unusual_goes_to_the_application(ask: Ask, method: str, path: str) -> None:
    assert ask(method, path).status_code == 418


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"client": "short"}', b'{"client": "aaaaaaaa", "more": 1}', b"\xff"]
)
def test_a_body_that_no_page_sends_goes_on_as_it_is(ask: Ask, body: bytes) -> None:
    passed = ask("POST", "/api/runs/r1/sync", content=body)
    assert (passed.status_code, passed.content) == (418, body)


def test_failures_are_sentences(ask: Ask, desk: Desk) -> None:
    unknown = ask("POST", "/api/runs/r2/sync", json={"client": CLIENT})
    assert unknown.status_code == 404
    assert unknown.json()["run"] == "r2"
    assert unknown.json()["error"].startswith("the labeler knows no run 'r2'; open it first")
    assert ask("GET", "/api/runs/r2/images/1").json()["run"] == "r2"
    missing = ask("GET", "/api/runs/r1/images/2")
    assert (missing.status_code, missing.json()["error"]) == (
        404,
        "there is no image 2 in this run; it has 2, counted from 0",
    )
    desk.close()
    closed = ask("POST", "/api/runs/r1/sync", json={"client": CLIENT})
    assert (closed.status_code, closed.json()["error"]) == (503, "the labeler is stopping; send it again in a moment")


def test_a_defect_is_said_without_its_insides(ask: Ask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "visit", lambda *_: 1 / 0)
    failed = ask("POST", "/api/runs/r1/sync", json={"client": CLIENT})
    assert failed.status_code == 500
    assert failed.json()["error"] == "a defect of the labeler: ZeroDivisionError; its log says more"


def test_images_that_were_added_are_shown(ask: Ask, desk: Desk, tmp_path: Path) -> None:
    assert ask("GET", "/api/runs/r1/images/1").status_code == 200
    assert ask("GET", "/api/runs/r1/images/2").status_code == 404
    paint(tmp_path / "data", ["c.png"])
    desk.open_run(to_run(publish_folder(ArtifactStore(tmp_path / "artifacts"), tmp_path / "data"))).result()
    assert ask("GET", "/api/runs/r1/images/2").status_code == 200


@pytest.mark.parametrize("item", [1, 3, 99])  # one that is shown, a broken one, none
def test_the_lane_and_the_application_say_the_same(web: httpx.Client, run: str, item: int) -> None:
    usual = web.get(f"api/runs/{run}/images/{item}?size=tile&levels=auto")
    unusual = web.get(f"api/runs/{run}/images/{item}?levels=auto&size=tile")
    assert (unusual.status_code, unusual.content) == (usual.status_code, usual.content)
    assert dict(unusual.headers) | {"date": ""} == dict(usual.headers) | {"date": ""}


def test_an_exchange_that_only_the_application_takes_says_the_same(web: httpx.Client, run: str) -> None:
    said = json.dumps({"client": CLIENT, "annotator": "Ann", "want": 2}).encode("utf-16")  # no page writes so
    unusual = web.post(f"api/runs/{run}/sync", content=said, headers={"content-type": "application/json"})
    again = sync(web, run, hold=[card["item"] for card in unusual.json()["cards"]])
    assert unusual.json().keys() == again.keys()
    assert len(again["held"]) == 2
