"""The map over HTTP, and what is circled on it: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.labeler.web.kit import controlled
from tests.support import control as kit

ADMIN, ANNOTATOR = "a" * 20, "b" * 20
TOKENS = {
    "ACTIVE_LABELER_WEB_ACCESS": "token",
    "ACTIVE_LABELER_WEB_ADMIN_TOKEN": ADMIN,
    "ACTIVE_LABELER_WEB_ANNOTATOR_TOKEN": ANNOTATOR,
}
POINTS = np.arange(10, dtype=np.uint32) * 65537


@pytest.fixture(scope="module")
def control() -> kit.Control:
    made = kit.Control()
    made.points = POINTS
    return made


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, control: kit.Control) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("atlas")
    with (
        controlled(folder, control, [f"{n}.png" for n in range(10)], **TOKENS) as service,
        httpx.Client(base_url=service.url, timeout=20) as client,
    ):
        yield client


@pytest.fixture
def admin() -> dict[str, str]:
    return {"Authorization": f"Bearer {ADMIN}"}


def test_points_come_as_numbers_and_come_again_only_when_they_have_changed(
    web: httpx.Client, admin: dict[str, str]
) -> None:
    answer = web.get("api/runs/r/map", headers=admin)
    assert answer.status_code == 200 and "no-cache" in answer.headers["cache-control"]
    assert np.array_equal(np.frombuffer(answer.content, dtype="<u2").reshape(10, 2)[:, 1], np.arange(10))
    tag = answer.headers["etag"]
    for known in (tag, f"W/{tag}"):
        again = web.get("api/runs/r/map", headers={**admin, "If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert web.get("api/runs/r/map", headers={**admin, "If-None-Match": '"old"'}).status_code == 200


def test_chosen_images_reach_the_loop(web: httpx.Client, admin: dict[str, str], control: kit.Control) -> None:
    control.queued = []
    answer = web.post("api/runs/r/queue", json={"items": [3, 9]}, headers=admin)
    assert answer.json() == {"run": "r", "added": 2} and control.queued == [[3, 9]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"items": []}, 400),
        ({"items": [1] * 1001}, 400),
        ({"items": [-1]}, 400),
        ({"items": ["1"]}, 400),
        ({"items": [1.5]}, 400),
        ({"items": [True]}, 400),
        ({}, 400),
        ({"items": [1], "round": 1}, 400),
        ({"items": [10]}, 404),
        ({"items": [2**53]}, 400),
    ],
)
def test_what_is_no_choice_is_refused_and_reaches_nobody(
    web: httpx.Client, admin: dict[str, str], control: kit.Control, body: dict[str, Any], status: int
) -> None:
    control.queued = []
    answer = web.post("api/runs/r/queue", json=body, headers=admin)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
    assert control.queued == []


def test_annotators_get_neither_the_map_nor_a_say(web: httpx.Client, control: kit.Control) -> None:
    control.queued = []
    annotator = {"Authorization": f"Bearer {ANNOTATOR}"}
    assert web.get("api/runs/r/labels", headers=annotator).status_code == 200
    assert web.get("api/runs/r/map", headers=annotator).status_code == 403
    assert web.post("api/runs/r/queue", json={"items": [1]}, headers=annotator).status_code == 403
    assert web.get("api/runs/r/map").status_code == 401 and control.queued == []
