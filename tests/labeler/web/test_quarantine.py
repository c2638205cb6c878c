"""What was set aside, over HTTP: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

import httpx
import pytest

from tests.support import control as kit


def test_images_come_by_name_with_their_reason_and_reasons_are_counted(led: httpx.Client, control: kit.Control) -> None:
    control.quarantine = {4: "damaged image: broken PNG file", 3: "damaged image: truncated", 0: "the file is empty"}
    answer = led.get("api/runs/r/quarantine", params={"count": 2}).json()
    assert answer["total"] == 3 and answer["kinds"] == [["damaged image", 2], ["the file is empty", 1]]
    assert [(image["item"], image["reason"]) for image in answer["images"]] == [
        (0, "the file is empty"),
        (3, "damaged image: truncated"),
    ]
    rest = led.get("api/runs/r/quarantine", params={"first": 2}).json()["images"]
    assert [image["item"] for image in rest] == [4] and "\u202e" not in rest[0]["path"]
    control.quarantine = {}
    assert led.get("api/runs/r/quarantine").json() == {"run": "r", "total": 0, "kinds": [], "images": []}


@pytest.mark.parametrize("query", ["first=-1", "count=0", "count=501", "first=x"])
def test_what_cannot_be_asked_is_said(led: httpx.Client, query: str) -> None:
    answer = led.get(f"api/runs/r/quarantine?{query}")
    assert answer.status_code == 400 and "reload the page" in answer.json()["error"]
    assert led.get("api/runs/none/quarantine").status_code == 404
