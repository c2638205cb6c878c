"""Runs that are started from the page, over HTTP: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from protos import control_pb2
from protos.errors import NotFoundError
from tests.support import control as kit

THINGS = {
    "data": [(7, "craters"), (2**48 - 1, "<img src=x>")],
    "configuration": [(5, "a.yaml")],
    "encoder": [(3, "hog")],
}


def _lay_out(control: kit.Control) -> None:
    control.prepared = control_pb2.Prepared(
        **{kind: [control_pb2.PreparedThing(number=n, name=name) for n, name in made] for kind, made in THINGS.items()}
    )


def test_what_there_is_to_choose_from(led: httpx.Client, control: kit.Control) -> None:
    _lay_out(control)
    wanted = {kind: [{"number": n, "name": name} for n, name in made] for kind, made in THINGS.items()}
    assert led.get("api/prepared").json() == wanted


def test_a_choice_reaches_the_orchestrator(led: httpx.Client, control: kit.Control) -> None:
    body = {"data": 7, "configuration": 5, "encoder": 3, "name": " n ", "question": "q? ", "definition": "d"}
    picture = base64.b64encode(b"\xff\xd8picture").decode()
    assert led.post("api/start", json={**body, "picture": picture}).json() == {"run": "r"}
    asked = control.chosen[-1]
    assert (asked.data, asked.configuration, asked.encoder) == (7, 5, 3)
    assert (asked.name, asked.question, asked.definition) == ("n", "q?", "d")
    assert asked.reference == b"\xff\xd8picture"
    assert led.post("api/start", json={"data": 7}).json() == {"run": "r"}
    assert control.chosen[-1] == control_pb2.StartPreparedRequest(data=7)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"data": "/etc"},
        {"data": -1},
        {"data": 1.5},
        {"data": True},
        {"data": 2**70},
        {"data": 7, "path": "/etc"},
        {"data": 7, "question": "?" * 501},
        {"data": 7, "name": ["x"]},
        {"data": 7, "picture": "no base64!"},
    ],
)
def test_malformed_choices_are_refused_and_reach_nobody(led: httpx.Client, control: kit.Control, body: Any) -> None:
    before = len(control.chosen)
    answer = led.post("api/start", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert len(control.chosen) == before


def test_why_nothing_was_started_is_said(led: httpx.Client, control: kit.Control) -> None:
    control.error = NotFoundError("the data that was chosen is not there any more; reload the page and choose again")
    try:
        answer = led.post("api/start", json={"data": 7})
    finally:
        control.error = None
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "the data that was chosen is not there any more; reload the page and choose again",
    )


def test_how_far_a_run_is(led: httpx.Client, control: kit.Control) -> None:
    before = (control.status, control.dashboard)
    control.status = control_pb2.RunStatus(run="r", state="failed", step="Embedding", message="no image can be read")
    control.dashboard = control_pb2.Dashboard(run="r", step="Embedding", done=5, total=9, per_second=2.5)
    try:
        found = led.get("api/runs/r/course").json()
    finally:
        control.status, control.dashboard = before
    assert found == {
        "run": "r",
        "state": "failed",
        "step": "Embedding",
        "done": 5,
        "total": 9,
        "per_second": 2.5,
        "message": "no image can be read",
    }
