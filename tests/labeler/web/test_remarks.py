"""Flags, notes, and other looks of an image."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.labeler.web.kit import sync


def test_flags_and_notes_are_kept_and_found(web: httpx.Client, run: str) -> None:
    for remark in ({"item": 2, "flag": True}, {"item": 1, "note": "is this <b>one</b>?\n"}, {"item": 2, "note": "odd"}):
        answer = web.post(f"api/runs/{run}/remarks", json={"annotator": "Ann", **remark})
        assert answer.status_code == 200, answer.text
    found = np.frombuffer(web.get(f"api/runs/{run}/items?flagged=true").content, dtype="<u4")
    assert found.tolist() == [1, 2]
    tiles = web.post(f"api/runs/{run}/tiles", json={"items": [0, 1, 2]}).json()["tiles"]
    assert [tile.get("notes") for tile in tiles] == [None, ["Ann: is this <b>one</b>?"], ["Ann: flagged", "Ann: odd"]]
    assert [said["item"] for said in web.get(f"api/runs/{run}/remarks").json()["remarks"]] == [2, 1, 2]


def test_what_is_said_twice_is_kept_once(web: httpx.Client, run: str) -> None:
    """A page that has heard no answer sends it again."""
    said = {"item": 2, "annotator": "Ann", "note": "odd"}
    for remark in (said, said, {**said, "annotator": "Bob"}, {**said, "item": 1}, {**said, "flag": True}, said):
        assert web.post(f"api/runs/{run}/remarks", json=remark).status_code == 200
    assert len(web.get(f"api/runs/{run}/remarks").json()["remarks"]) == 4


@pytest.mark.parametrize(
    ("remark", "status", "words"),
    [
        ({"item": 1}, 400, "neither a flag nor a note"),
        ({"item": 1, "note": " \n "}, 400, "neither a flag nor a note"),
        ({"item": 7, "flag": True}, 404, "7"),
        ({"item": 1, "note": "x" * 1001}, 400, "note"),
    ],
)
def test_a_remark_that_says_nothing_is_refused(
    web: httpx.Client, run: str, remark: dict[str, object], status: int, words: str
) -> None:
    answer = web.post(f"api/runs/{run}/remarks", json=remark)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_all_pixels_and_brighter_ones(web: httpx.Client, run: str) -> None:
    cards = {card["name"]: card for card in sync(web, run, want=7)["cards"]}
    large = web.get(f"{cards['large.jpg']['image']}&size=full")
    assert Image.open(io.BytesIO(large.content)).size == (3000, 1000)
    bright = web.get(f"{cards['large.jpg']['image']}&levels=auto")
    assert Image.open(io.BytesIO(bright.content)).size == (1600, 533)
    assert web.get(f"{cards['large.jpg']['image']}&levels=many").status_code == 400
