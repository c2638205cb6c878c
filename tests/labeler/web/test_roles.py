"""What annotators are told of a run: how far it is, their own answers, and nothing of each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from protos import control_pb2
from protos import labeler_pb2 as pb
from protos.common_pb2 import Labels
from tests.labeler.kit import Service
from tests.labeler.web.kit import controlled
from tests.support import control as kit

ROWS = 24
SIDES = ("positive", "negative")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("roles")
    control = kit.Control()
    control.status = control_pb2.RunStatus(run="r", state="labeling", round=1, images=ROWS, message="in /home/ann")
    names = [f"{n:02}.png" for n in range(ROWS)]
    with controlled(folder, control, names, ACTIVE_LABELER_WEB_ACCESS="token") as made:
        made.offer(range(4, 20), run="r")
        yield made


def _as(service: Service, role: str) -> httpx.Client:
    token = json.loads((service.folder / "labels" / "access.json").read_text())[role]
    return httpx.Client(base_url=service.url, timeout=20, headers={"Authorization": f"Bearer {token}"})


def _news(web: httpx.Client) -> dict[str, Any]:
    with web.stream("GET", "api/runs/r/news") as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    return dict(json.loads(line.removeprefix("data: ")))


def _say(web: httpx.Client, who: str, *answers: str) -> list[int]:
    """Answers to the cards that somebody is given; returns their images."""
    items = []
    for answer in answers:
        body: dict[str, Any] = {"client": who.lower() * 5, "annotator": who}
        (card,) = web.post("api/runs/r/sync", json={**body, "want": 1}).json()["cards"]
        said = {"sequence": 1000 + card["item"], "item": card["item"], "round": 1, "answer": answer}
        assert web.post("api/runs/r/sync", json={**body, "events": [said], "leave": True}).json()["saved"]
        items.append(card["item"])
    return items


def _labels(web: httpx.Client, who: str) -> list[int]:
    return list(web.get("api/runs/r/labels", params={"annotator": who}).content)


def _items(web: httpx.Client, **wanted: str) -> list[int]:
    answer = web.get("api/runs/r/items", params=wanted)
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, dtype="<u4").tolist()


def _tiles(web: httpx.Client, who: str, items: list[int]) -> list[tuple[int, list[str]]]:
    answer = web.post("api/runs/r/tiles", json={"items": items, "annotator": who}).json()
    return [(tile["label"], tile.get("notes", [])) for tile in answer["tiles"]]


def test_an_annotator_reads_her_own_answers_and_those_of_nobody_else(service: Service) -> None:
    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        (cat,) = _say(annotator, "Cat", "positive")
        dan = _say(annotator, "Dan", "negative", "positive")
        for who, item in (("Cat", cat), ("Dan", dan[0]), ("Dan", cat)):
            annotator.post("api/runs/r/remarks", json={"item": item, "annotator": who, "note": f"by {who}"})
        assert _items(annotator, annotator="Cat") == [cat]
        assert _items(annotator, annotator="Dan") == dan[::-1]  # the newest first
        assert _items(annotator, annotator="Dan", label="negative") == [dan[0]]
        assert _items(annotator, annotator="Eve") == _items(annotator) == []
        for who, mine in (("Cat", {cat: 1}), ("Dan", {dan[0]: 2, dan[1]: 1}), ("Eve", {})):
            assert _labels(annotator, who) == [mine.get(item, 0) for item in range(ROWS)]
        assert _tiles(annotator, "Cat", [cat, dan[0]]) == [(1, ["Cat: by Cat"]), (0, [])]
        assert _tiles(annotator, "", [cat, dan[0]]) == [(0, []), (0, [])]
        assert _tiles(admin, "Cat", [cat, dan[0]]) == [(1, ["Cat: by Cat", "Dan: by Dan"]), (2, ["Dan: by Dan"])]
        assert set(_items(admin, annotator="Dan")) == set(dan)
        assert _labels(admin, "")[cat] == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {"disagreement": "true"},
        {"flagged": "true"},
        {"low": "0.5"},
        {"high": "0.5"},
        {"round": "1"},
        {"sort": "highest"},
    ],
)
def test_nothing_of_the_model_or_of_others_is_asked_by_a_filter(service: Service, wanted: dict[str, str]) -> None:
    with _as(service, "annotator") as annotator:
        answer = annotator.get("api/runs/r/items", params={"annotator": "Cat", **wanted})
        assert (answer.status_code, "their own answers" in answer.json()["error"]) == (400, True)


def test_an_annotator_corrects_what_she_has_answered_and_labels_nothing_else(service: Service) -> None:
    def mark(web: httpx.Client, sequence: int, item: int, answer: str) -> httpx.Response:
        events = [{"sequence": sequence, "item": item, "answer": answer}]
        return web.post("api/runs/r/marks", json={"client": "f" * 16, "annotator": "Fay", "events": events})

    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        (mine,) = _say(annotator, "Fay", "positive")
        for sequence, answer in enumerate(("negative", "retracted", "unsure", "unsure"), start=1):
            assert mark(annotator, sequence, mine, answer).status_code == 200
        assert _labels(annotator, "Fay")[mine] == 3
        other = next(item for item in range(ROWS) if item != mine)
        for item in (other, ROWS, 2**53 - 1):
            refused = mark(annotator, 9, item, "positive")
            assert (refused.status_code, f"Fay has not answered image {item}" in refused.json()["error"]) == (400, True)
        assert mark(admin, 9, other, "positive").status_code == 200


def test_examples_are_images_that_nobody_is_asked_about_any_more_and_her_own(service: Service) -> None:
    def examples(web: httpx.Client, who: str) -> dict[str, list[int]]:
        found = web.get("api/runs/r/examples", params={"annotator": who}).json()
        assert all(set(tile) == {"item", "name", "image"} for side in SIDES for tile in found[side])
        return {side: [tile["item"] for tile in found[side]] for side in SIDES}

    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        (hers,) = _say(annotator, "Gil", "negative")
        (others,) = _say(annotator, "Hal", "positive")
        brought = Labels(item=[ROWS - 1, ROWS - 2], positive=b"\1\0")
        service.stub.ImportLabels(pb.ImportLabelsRequest(run="r", annotator="seed folder", labels=brought))
        said = {"client": "g" * 16, "annotator": "Boss", "events": [{"sequence": 1, "item": 3, "answer": "positive"}]}
        assert admin.post("api/runs/r/settle", json=said).status_code == 200
        assert examples(annotator, "Gil") == {"positive": [3, ROWS - 1], "negative": [ROWS - 2, hers]}
        assert others not in [item for items in examples(annotator, "Eve").values() for item in items]
        seen = examples(admin, "")
        assert len(seen["positive"]) <= 6 and {3, ROWS - 1, others} <= set(seen["positive"])


def test_annotators_are_not_told_of_each_other(service: Service) -> None:
    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        _say(annotator, "Ann", "positive")
        assert "Ann" in [who["name"] for who in admin.get("api/runs/r/dashboard").json()["people"]]
        assert "Ann" in [who["name"] for who in _news(admin)["board"]["people"]]
        assert annotator.get("api/runs/r/dashboard").json()["people"] == []
        assert _news(annotator)["board"]["people"] == []
        assert "Ann" not in annotator.get("api/runs/r/loop").text


def test_annotators_settle_nothing(service: Service) -> None:
    said = {"client": "b" * 16, "annotator": "Bob", "events": [{"sequence": 1, "item": 0, "answer": "positive"}]}
    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        _say(annotator, "Bob", "negative")
        assert annotator.post("api/runs/r/settle", json=said).status_code == 403
        assert annotator.post("api/runs/r/marks", json={**said, "settles": True}).status_code == 400
        assert admin.post("api/runs/r/settle", json=said).json()["saved"] == [1]


def test_what_is_said_of_the_host_is_for_admins(service: Service) -> None:
    for role, message in (("admin", "in /home/ann"), ("annotator", "")):
        with _as(service, role) as web:
            assert web.get("api/runs/r/loop").json()["message"] == _news(web)["message"] == message


def _mine(web: httpx.Client, who: str, **asked: int | str) -> list[tuple[int, int, str]]:
    answer = web.get("api/runs/r/mine", params={"annotator": who, **asked})
    assert answer.status_code == 200, answer.text
    return [(given["item"], given["round"], given["answer"]) for given in answer.json()["answers"]]


def test_a_page_that_opens_again_is_told_what_was_answered_and_takes_it_back(service: Service) -> None:
    with _as(service, "annotator") as annotator:
        first, second, third = _say(annotator, "Mia", "positive", "negative", "unsure")
        _say(annotator, "Ned", "positive")
        told = [(third, 1, "unsure"), (second, 1, "negative"), (first, 1, "positive")]
        assert _mine(annotator, "Mia") == told and _mine(annotator, "Mia", count=1) == told[:1]
        assert _mine(annotator, "Mia", answer="positive") == told[2:]
        asked = {"annotator": "Mia", "answer": "retracted"}
        assert annotator.get("api/runs/r/mine", params=asked).status_code == 400
        oldest = annotator.get("api/runs/r/mine", params={"annotator": "Mia"}).json()["answers"][1]["position"]
        assert _mine(annotator, "Mia", before=oldest) == told[2:]
        assert _mine(annotator, "Nobody") == _mine(annotator, "") == []
        for who, taken in (("Ned", False), ("Mia", True)):  # on another load of the page than that of the answer
            said = [{"sequence": 1, "item": second, "round": 1, "answer": "retracted"}]
            body = {"client": f"{who.lower()}{0:013}", "annotator": who, "events": said, "leave": True}
            reply = annotator.post("api/runs/r/sync", json=body).json()
            assert (reply["saved"], reply["standing"]) == (([1], []) if taken else ([], [1]))
        assert _mine(annotator, "Mia") == [told[0], told[2]]


@pytest.mark.parametrize("query", ["before=-1", "before=x", "count=0", "count=501", f"annotator={'x' * 201}"])
def test_what_cannot_be_asked_of_ones_own_answers_is_said(service: Service, query: str) -> None:
    with _as(service, "annotator") as annotator:
        answer = annotator.get(f"api/runs/r/mine?{query}")
        assert (answer.status_code, "reload the page" in answer.json()["error"]) == (400, True)
        assert annotator.get("api/runs/none/mine").status_code == 404
