"""What the page may see of the loop, and say to it: a real labeler in front of a real control service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from protos import control_pb2
from protos.errors import DeadlineError
from tests.labeler.kit import Service
from tests.labeler.web.kit import controlled
from tests.support import control as kit


@pytest.fixture
def control() -> kit.Control:
    return kit.Control()


@pytest.fixture
def web(tmp_path: Path, control: kit.Control) -> Iterator[httpx.Client]:
    with (
        controlled(tmp_path, control) as service,
        httpx.Client(base_url=service.url, timeout=20) as client,
    ):
        yield client


def test_the_page_sees_where_a_run_stands_and_answers_its_question(web: httpx.Client, control: kit.Control) -> None:
    control.status = control_pb2.RunStatus(
        run="r", state="asking", round=2, images=150, labels=30, positives=4, question=kit.QUESTION
    )
    seen = web.get("api/runs/r/loop").json()
    assert (seen["run"], seen["state"], seen["images"], seen["labels"], seen["positives"]) == (
        "r",
        "asking",
        150,
        30,
        4,
    )
    assert seen["question"] == {
        "id": "round-1/choice",
        "text": "Train [l] or finish [q]?",
        "choices": ["l", "q"],
        "optional": False,
        "wants_example": False,
    }
    answer = web.post("api/runs/r/loop", json={"question": "round-1/choice", "answer": "q"})
    assert answer.json() == {"run": "r", "accepted": True}
    assert control.answers == ["q"]


def test_why_a_run_failed_is_told_without_what_could_not_be_printed(web: httpx.Client, control: kit.Control) -> None:
    control.status = control_pb2.RunStatus(run="r", state="failed", message="the disk is full:\n\x1b[31m/results")
    assert web.get("api/runs/r/loop").json()["message"] == "the disk is full:\n\N{REPLACEMENT CHARACTER}[31m/results"


def test_the_course_begins_with_nothing_and_ends_with_now(web: httpx.Client, control: kit.Control) -> None:
    def course() -> list[tuple[int, int]]:
        seen = web.get("api/runs/r/loop").json()["rounds"]
        return [(point["labels"], point["positives"]) for point in seen]

    assert course() == [(0, 0)]
    control.status = control_pb2.RunStatus(run="r", labels=4, positives=1)
    control.progress.rounds.add(positive=1, negative=3)
    assert course() == [(0, 0), (4, 1)]  # in the middle of the seed set
    control.status.labels, control.status.positives = 16, 7
    control.progress.rounds[0].negative = 5
    control.progress.rounds.add(round=1, choice="l", positive=4, negative=4)
    assert course() == [(0, 0), (6, 1), (14, 5), (16, 7)]  # in the middle of round 2
    control.status.labels, control.status.positives = 13, 6
    assert course() == [(0, 0), (6, 1), (13, 6)]  # a second opinion has taken one back


def test_whoever_waits_hears_whether_the_loop_does(web: httpx.Client, control: kit.Control) -> None:
    def asks() -> object:
        return web.get("api/runs/r/asks").json()["asks"]

    before = control.status
    control.status = control_pb2.RunStatus(run="r", state="asking", question=kit.QUESTION)
    assert asks() is True
    control.status.question.optional = True
    assert asks() is False
    control.status = None
    assert asks() is False
    control.status = before


def test_whoever_waits_for_the_first_cards_hears_how_far_they_are(web: httpx.Client, control: kit.Control) -> None:
    def work() -> object:
        return web.get("api/runs/r/asks").json()["work"]

    before = control.status
    control.status = control_pb2.RunStatus(run="r", state="running")
    board = control.dashboard
    board.step, board.done, board.total = "embedding", 1200, 18_240
    assert work() == {"step": "embedding", "done": 1200, "total": 18_240, "per_second": None}
    board.per_second = 50.0
    assert work() == {"step": "embedding", "done": 1200, "total": 18_240, "per_second": 50.0}
    control.status.round = 2  # people know by then what goes on
    assert work() is None
    control.status.round, board.step = 0, ""
    assert work() is None
    control.status = before


def test_a_run_that_asks_nothing_has_no_question(web: httpx.Client) -> None:
    assert web.get("api/runs/r/loop").json()["question"] is None


def test_a_run_that_nobody_works_on_is_not_found(web: httpx.Client, control: kit.Control) -> None:
    control.status = None
    answer = web.get("api/runs/gone/loop")
    assert answer.status_code == 404
    assert "there is no run 'gone'" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": "a"},
        {"question": "a", "answer": 1},
        {"question": "a" * 101, "answer": "q"},
        {"question": "a", "answer": "q", "path": "/etc"},
        [],
        "q",
    ],
)
def test_malformed_answers_are_refused_and_reach_nobody(web: httpx.Client, control: kit.Control, body: object) -> None:
    answer = web.post("api/runs/r/loop", json=body)
    assert answer.status_code == 400
    assert control.answers == []


def test_an_answer_from_another_site_is_refused(web: httpx.Client, control: kit.Control) -> None:
    answer = web.post(
        "api/runs/r/loop", json={"question": "a", "answer": "q"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert control.answers == []


def test_a_labeler_without_an_orchestrator_says_which_setting_is_missing(tmp_path: Path) -> None:
    service = Service(tmp_path / "labeler")
    try:
        answer = httpx.get(f"{service.url}api/runs/r/loop")
    finally:
        service.stop()
    assert answer.status_code == 404
    assert "ACTIVE_LABELER_CONTROL" in answer.json()["error"]


def test_an_orchestrator_that_is_away_is_a_503_and_the_labeler_goes_on(tmp_path: Path) -> None:
    service = Service(tmp_path / "labeler", ACTIVE_LABELER_CONTROL=f"unix:{tmp_path}/nobody.sock")
    try:
        assert httpx.get(f"{service.url}api/runs/r/loop", timeout=20).status_code == 503
        assert httpx.get(f"{service.url}api/runs").status_code == 200
    finally:
        service.stop()


def test_an_orchestrator_that_takes_too_long_is_a_503_and_no_defect(web: httpx.Client, control: kit.Control) -> None:
    control.error = DeadlineError("it took too long")
    answer = web.get("api/runs/r/loop")
    assert answer.status_code == 503
    assert "DEADLINE_EXCEEDED" in answer.json()["error"]
