"""Events of the dashboard: what they say, when, and that they end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from protos import control_pb2
from services.labeler.web.routes.news import MOST_LISTENERS
from tests.labeler.kit import Service, wait_for
from tests.labeler.web.kit import controlled
from tests.support import control as kit


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=4, labels=40, positives=7)
    return made


@pytest.fixture
def service(tmp_path: Path, control: kit.Control) -> Iterator[Service]:
    with controlled(tmp_path, control, ["a.png"]) as made:
        yield made


def test_a_change_is_told_and_sameness_is_not(service: Service, control: kit.Control) -> None:
    with httpx.stream("GET", f"{service.url}api/runs/r/news", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
        assert (first["positives"], first["board"]["queue"]["open"]) == (7, 0)
        assert control.status is not None
        control.status.positives = 8
        second = json.loads(next(lines).removeprefix("data: "))
        assert second == {**first, "positives": 8, "rounds": second["rounds"]}
        control.status = None
        assert "no run" in json.loads(next(lines).removeprefix("data: "))["trouble"]


def test_a_listener_does_not_hold_up_the_end(service: Service) -> None:
    with httpx.stream("GET", f"{service.url}api/runs/r/news", timeout=20) as answer:
        next(answer.iter_lines())
        service.stop()  # waits 15 s at most
        assert service.process.poll() == 0


def _client(service: Service) -> httpx.Client:
    return httpx.Client(base_url=service.url, timeout=20, limits=httpx.Limits(max_connections=None))


def _lines(opened: ExitStack, client: httpx.Client) -> Iterator[str]:
    """What a listener of its own hears, for as long as somebody holds it."""
    answer = opened.enter_context(client.stream("GET", "api/runs/r/news"))
    assert answer.status_code == 200
    return answer.iter_lines()


def test_all_listeners_hear_the_same_and_it_is_looked_up_once(service: Service, control: kit.Control) -> None:
    with _client(service) as client, ExitStack() as opened:
        lines = [_lines(opened, client) for _ in range(30)]
        assert len({next(each) for each in lines}) == 1
        before = control.asked
        time.sleep(3)
        assert 0 < control.asked - before <= 8  # not ninety times


def test_listeners_too_many_are_refused_and_the_page_answers_them(service: Service) -> None:
    with _client(service) as client, ExitStack() as opened:
        lines = [_lines(opened, client) for _ in range(MOST_LISTENERS)]
        assert all(next(each).startswith("data: ") for each in lines)
        refused = httpx.get(f"{service.url}api/runs/r/news", timeout=20)
        assert refused.status_code == 503
        assert refused.json()["error"] == "200 pages are told of changes already; this one has to ask"
        assert httpx.get(f"{service.url}api/runs/r/loop", timeout=20).json()["positives"] == 7
    wait_for(lambda: _listens(service))


def _listens(service: Service) -> bool:
    with httpx.stream("GET", f"{service.url}api/runs/r/news", timeout=20) as answer:
        return answer.status_code == 200
