"""What a page can ask for, over a real uvicorn."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.labeler.web.kit import CLIENT, sync


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
