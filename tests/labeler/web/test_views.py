"""Search, browsing and the dashboard over HTTP: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from protos import labeler_pb2
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, publish_folder
from tests.labeler.web.kit import controlled
from tests.support import control as kit

ROWS = 10
SCORES = np.array([0.1, 0.9, 0.5, np.nan, 0.4, 0.95, 0.2, 0.7, 0.6, 0.05], dtype=np.float32)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, control: kit.Control) -> Iterator[Service]:
    names = [f"{n:02}.png" for n in range(ROWS)]
    with controlled(tmp_path_factory.mktemp("views"), control, names) as started:
        yield started


@pytest.fixture
def run(service: Service, control: kit.Control, request: pytest.FixtureRequest) -> str:
    control.scores, control.part = SCORES, 4
    control.searched, control.found = [], [3, 1, 2]
    name = f"run{abs(hash(request.node.name))}"
    data = service.folder.parent / "data"
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), data), run=name)
    return name


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


def mark(web: httpx.Client, run: str, who: str, *said: tuple[int, int, str], number: int = 0) -> dict[str, Any]:
    events = [{"sequence": n, "item": item, "answer": answer, "round": number} for n, item, answer in said]
    answer = web.post(f"api/runs/{run}/marks", json={"client": f"{who}00000000", "annotator": who, "events": events})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def items(web: httpx.Client, run: str, **wanted: Any) -> list[int]:
    answer = web.get(f"api/runs/{run}/items", params=wanted)
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, dtype="<u4").tolist()


def test_without_a_model_nothing_is_likelier(web: httpx.Client, run: str, control: kit.Control) -> None:
    control.scores = np.full(ROWS, np.nan, dtype=np.float32)
    for wanted in ({"sort": "lowest"}, {"sort": "highest"}, {"sort": "unsure"}, {"low": 0.5}):
        answer = web.get(f"api/runs/{run}/items", params=wanted)
        assert (answer.status_code, "there is no model yet" in answer.json()["error"]) == (400, True)
    assert items(web, run, sort="item") == list(range(ROWS))


def test_items_are_filtered_and_sorted(web: httpx.Client, run: str) -> None:
    assert items(web, run) == list(range(ROWS))
    assert items(web, run, sort="highest") == [5, 1, 7, 8, 2, 4, 6, 0, 9, 3]
    assert items(web, run, sort="lowest") == [9, 0, 6, 4, 2, 8, 7, 1, 5, 3]
    assert items(web, run, sort="unsure")[:3] == [2, 4, 8]
    assert items(web, run, low=0.45, high=0.7) == [2, 7, 8]
    mark(web, run, "ann", (1, 1, "positive"), (2, 2, "negative"), (3, 5, "unsure"), number=2)
    mark(web, run, "bob", (1, 2, "positive"), (2, 7, "negative"))
    assert items(web, run, label="positive") == [1, 2]
    assert items(web, run, label="none", low=0.1) == [0, 4, 6, 8]
    assert items(web, run, round=2) == [1, 5]
    assert items(web, run, annotator="bob") == [2, 7]
    assert items(web, run, disagreement=True) == [2]
    assert list(web.get(f"api/runs/{run}/labels").content) == [0, 1, 1, 0, 0, 3, 0, 2, 0, 0]


def test_what_was_set_aside_is_a_filter_among_others(web: httpx.Client, run: str, control: kit.Control) -> None:
    control.quarantine, control.part = {7: "the file is empty", 2: "damaged image", ROWS: "added since"}, 1000
    assert items(web, run, quarantined=True) == [2, 7]
    mark(web, run, "ann", (1, 2, "unsure"))
    assert items(web, run, quarantined=True, label="unsure") == [2]
    control.quarantine = {}
    assert items(web, run, quarantined=True) == []
    control.refusal = "nothing is embedded yet"
    try:
        answer = web.get(f"api/runs/{run}/items", params={"quarantined": True})
        assert (answer.status_code, answer.json()["error"]) == (409, "nothing is embedded yet")
        assert items(web, run) == list(range(ROWS))
    finally:
        control.refusal = ""


def test_a_label_is_corrected_in_place_as_often_as_one_likes_and_taken_back(web: httpx.Client, run: str) -> None:
    for number, answer in enumerate(("positive", "negative", "positive"), start=1):
        assert mark(web, run, "ann", (number, 4, answer))["saved"] == [number]
        assert items(web, run, label=answer) == [4]
    assert mark(web, run, "ann", (3, 4, "negative"))["saved"] == [3]  # sent twice: the first counts
    assert items(web, run, label="positive") == [4]
    mark(web, run, "ann", (4, 4, "retracted"))
    assert items(web, run, label="none") == list(range(ROWS))


def test_scores_that_come_in_parts_are_one_array(web: httpx.Client, run: str) -> None:
    content = web.get(f"api/runs/{run}/scores").content
    np.testing.assert_array_equal(np.frombuffer(content, dtype="<f4"), SCORES)


def test_without_scores_browsing_goes_on_and_says_what_it_cannot(web: httpx.Client, run: str, control: Any) -> None:
    control.scores = np.empty(0, dtype=np.float32)
    assert items(web, run) == list(range(ROWS))
    answer = web.get(f"api/runs/{run}/items", params={"sort": "highest"})
    assert (answer.status_code, "no probabilities" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("look", "kind", "value"),
    [
        ({"picture": base64.b64encode(b"pixels").decode()}, "picture", b"pixels"),
        ({"item": 7}, "item", 7),
        ({"item": 0}, "item", 0),
        ({"phrase": "a fox"}, "phrase", "a fox"),
    ],
)
def test_a_search_by_each_kind_of_query(
    web: httpx.Client, run: str, control: kit.Control, look: dict[str, Any], kind: str, value: object
) -> None:
    found = web.post(f"api/runs/{run}/search", json={**look, "k": 2}).json()
    assert [tile["item"] for tile in found["tiles"]] == [3, 1]
    assert found["tiles"][0]["name"] == "03.png"
    assert web.get(found["tiles"][0]["image"]).status_code == 200
    assert (control.searched[0].WhichOneof("query"), getattr(control.searched[0], kind)) == (kind, value)


@pytest.mark.parametrize(
    "look",
    [
        {},
        {"item": 1, "phrase": "a fox"},
        {"item": -1},
        {"item": "1"},
        {"item": 1, "k": 0},
        {"item": 1, "k": 100_000},
        {"phrase": ""},
        {"phrase": "a" * 301},
        {"picture": "no base64!"},
        {"picture": "/etc/passwd" * 3 + "="},
        {"path": "/etc/passwd"},
        [],
    ],
)
def test_malformed_searches_are_refused_and_reach_nobody(
    web: httpx.Client, run: str, control: kit.Control, look: object
) -> None:
    assert web.post(f"api/runs/{run}/search", json=look).status_code == 400
    assert control.searched == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"label": "yes"},
        {"low": 2},
        {"low": "nan"},
        {"high": -1},
        {"round": -1},
        {"sort": "name"},
        {"annotator": "a" * 201},
        {"disagreement": "perhaps"},
    ],
)
def test_malformed_filters_are_refused(web: httpx.Client, run: str, wanted: dict[str, Any]) -> None:
    assert web.get(f"api/runs/{run}/items", params=wanted).status_code == 400


def test_marks_of_images_that_are_not_there_are_refused_whole(web: httpx.Client, run: str) -> None:
    events = [{"sequence": n, "item": item, "answer": "positive"} for n, item in enumerate((1, ROWS))]
    answer = web.post(f"api/runs/{run}/marks", json={"client": "c" * 8, "events": events})
    assert answer.status_code == 404
    assert items(web, run, label="none") == list(range(ROWS))
    assert web.post(f"api/runs/{run}/marks", json={"client": "c" * 8, "events": []}).status_code == 400
    assert web.post("api/runs/gone/marks", json={"client": "c" * 8, "events": events[:1]}).status_code == 404


def test_tiles_carry_names_and_labels(web: httpx.Client, run: str) -> None:
    mark(web, run, "ann", (1, 6, "negative"))
    tiles = web.post(f"api/runs/{run}/tiles", json={"items": [6, 0]}).json()["tiles"]
    assert [(tile["item"], tile["name"], tile["label"]) for tile in tiles] == [(6, "06.png", 2), (0, "00.png", 0)]
    assert web.post(f"api/runs/{run}/tiles", json={"items": [ROWS]}).status_code == 404
    assert web.post(f"api/runs/{run}/tiles", json={"items": [0] * 501}).status_code == 400


def test_the_dashboard_tells_of_the_loop_the_queue_and_the_people(
    web: httpx.Client, service: Service, run: str, control: kit.Control
) -> None:
    control.dashboard.pool[:] = [3] * 50
    control.dashboard.step, control.dashboard.done, control.dashboard.total = "Embedding", 100, 400
    control.dashboard.per_second = 50
    control.dashboard.workers.add(name="host-a", device="cpu", per_second=50)
    service.offer(range(4), run=run)
    mark(web, run, "ann", (1, 0, "positive"), (2, 8, "positive"))
    mark(web, run, "bob", (1, 8, "negative"), (2, 9, "negative"))
    seen = web.get(f"api/runs/{run}/dashboard").json()
    assert seen["pool"] == [3] * 50
    assert (seen["step"], seen["done"], seen["total"], seen["per_second"]) == ("Embedding", 100, 400, 50)
    assert seen["workers"] == [{"name": "host-a", "device": "cpu", "per_second": 50}]
    assert (seen["prevalence"], seen["drawn"]) == ([None, None], 0)
    assert (seen["queue"]["open"], seen["queue"]["answers"]) == (3, 4)
    work = {"unsure": 0, "undone": 0, "per_minute": None, "shared": 1, "agreed": 0}
    assert seen["people"] == [
        {"name": "ann", "answers": 2, "positive": 2, **work},
        {"name": "bob", "answers": 2, "positive": 0, **work},
    ]


def test_what_people_differ_about_comes_with_their_answers_and_goes_once_it_is_settled(
    web: httpx.Client, service: Service, run: str
) -> None:
    service.offer(range(4), run=run)
    mark(web, run, "ann", (1, 0, "positive"), (2, 8, "positive"), (3, 5, "negative"), (4, 4, "negative"))
    mark(web, run, "bob", (1, 8, "negative"), (2, 0, "unsure"), (3, 5, "negative"), (4, 4, "positive"))
    seen = web.get(f"api/runs/{run}/people").json()
    assert seen["alpha"] == pytest.approx(1 - 5 * 4 / (2 * 2 * 4))  # yes no, no no, no yes; unsure is no vote
    assert [(image["name"], image["label"]) for image in seen["images"]] == [("04.png", 1), ("08.png", 2)]
    assert seen["images"][1]["votes"] == [{"name": "ann", "answer": "positive"}, {"name": "bob", "answer": "negative"}]
    (second,) = web.get(f"api/runs/{run}/people", params={"first": 1, "count": 1}).json()["images"]
    assert (second["item"], seen["disputed"]) == (8, 2)
    events = [{"sequence": 1, "item": 8, "answer": "positive"}]
    settled = {"client": "e" * 12, "annotator": "eve", "events": events}
    assert web.post(f"api/runs/{run}/settle", json=settled).json()["saved"] == [1]
    seen = web.get(f"api/runs/{run}/people").json()
    assert (seen["disputed"], [image["item"] for image in seen["images"]]) == (1, [4])
    assert items(web, run, disagreement=True) == [4]
    newest = service.stub.ListLabels(labeler_pb2.ListLabelsRequest(run=run)).events[-1]
    assert (newest.annotator, newest.reason, newest.item) == ("eve", "settled", 8)
    for wrong in ({"count": 0}, {"count": 201}, {"first": -1}):
        assert web.get(f"api/runs/{run}/people", params=wrong).status_code == 400


def test_the_loop_is_steered(web: httpx.Client, run: str, control: kit.Control) -> None:
    for on in (True, False):
        assert web.post(f"api/runs/{run}/continuous", json={"on": on}).json() == {"run": run, "on": on}
        assert control.continuous is on
    assert web.post(f"api/runs/{run}/continuous", json={"on": "yes"}).status_code == 400
    assert not control.stopped
    evil = {"Origin": "https://evil.example"}
    assert web.post(f"api/runs/{run}/stop", json={}, headers=evil).status_code == 403
    assert not control.stopped
    assert web.post(f"api/runs/{run}/stop", json={}).status_code == 200
    assert control.stopped
