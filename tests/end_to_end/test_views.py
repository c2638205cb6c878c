"""What the page asks about the whole data set, of a real run with all its services: search, values, dashboard, steering."""

from __future__ import annotations

import base64
import csv
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from tests.end_to_end.test_continuous_run import answer_question, begin, label_until, page_of, place, steps_of
from tests.support.annotator import Annotator

__all__ = ["place"]  # a fixture
pytestmark = pytest.mark.slow


def test_a_run_is_seeded_searched_steered_and_seen_from_the_page(place: Path, tmp_path: Path) -> None:
    process = begin(place, tmp_path, "--set", "seed_set.repeats=0")
    url = page_of(tmp_path, process)
    ann = Annotator(url, "ann")
    with httpx.Client(base_url=url, timeout=60) as web:
        at = f"api/runs/{ann.run}"
        rows = 150
        picture = base64.b64encode((place / "reference.png").read_bytes()).decode()
        near = web.post(f"{at}/search", json={"picture": picture, "k": 10}).json()["tiles"]
        assert sum("ring" in tile["name"] for tile in near) >= 5
        again = web.post(f"{at}/search", json={"item": near[0]["item"], "k": 3}).json()["tiles"]
        assert again[0]["item"] == near[0]["item"]
        phrase = web.post(f"{at}/search", json={"phrase": "a ring"})
        assert (phrase.status_code, "phrase" in phrase.json()["error"]) == (400, True)
        assert web.post(f"{at}/search", json={"picture": base64.b64encode(b"no image").decode()}).status_code in (
            400,
            422,
        )
        assert np.isnan(np.frombuffer(web.get(f"{at}/scores").content, "<f4")).all()  # no head yet
        assert web.get(f"{at}/dashboard").json()["pool"] == []
        points = web.get(f"{at}/map")
        drawn = np.frombuffer(points.content, "<u2").reshape(rows, 2)
        assert len(np.unique(drawn, axis=0)) > rows / 2
        known = {"If-None-Match": points.headers["etag"]}
        assert web.get(f"{at}/map", headers=known).status_code == 304
        label_until(tmp_path, [ann], "round-2/score")
        free = sorted(set(range(rows)) - set(ann.said))[:30]
        added = web.post(f"{at}/queue", json={"items": [*free, ann.said[0]]}).json()["added"]
        assert 0 < added <= 30  # some are on offer already; what has an answer is not asked again
        assert web.post(f"{at}/queue", json={"items": [rows]}).status_code == 404
        scores = np.frombuffer(web.get(f"{at}/scores").content, "<f4")
        assert len(scores) == rows
        assert not np.isnan(scores).any()
        seen = web.get(f"{at}/dashboard").json()
        assert sum(seen["pool"]) == rows - len(ann.said)
        assert sum(seen["sampled"]) > 0
        assert [head["round"] for head in seen["heads"]] == list(range(1, len(seen["heads"]) + 1))
        _export_while_it_goes_on(web, at, tmp_path)
        assert seen["continuous"] is True
        assert web.post(f"{at}/continuous", json={"on": False}).status_code == 200
        assert web.get(f"{at}/dashboard").json()["continuous"] is False
        assert yaml.safe_load((tmp_path / "runtime" / "run.yaml").read_text())["labeling"]["continuous"] is False
        end = time.monotonic() + 60
        while (question := ann.loop()["question"]) is None or question["id"] == "wish":  # the round of before goes on
            ann.answer()
            assert time.monotonic() < end
        assert set(question["choices"]) == {"l", "a", "p", "q"}
        assert "(the encoder hog has no weights to fine-tune)" in question["text"]
        assert ann.loop()["no_phrases"].startswith("The encoder hog does not understand phrases")
        answer_question(ann, question["id"], "q")
    assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()
    assert "finish" in steps_of(tmp_path)


def _export_while_it_goes_on(web: httpx.Client, at: str, work: Path) -> None:
    assert web.get(f"{at}/export").json()["state"] == ""
    wish = {"formats": ["csv", "jsonl", "folders"], "models": ["safetensors"]}
    assert web.post(f"{at}/export", json=wish).json()["state"] == "working"
    end = time.monotonic() + 60
    while (status := web.get(f"{at}/export").json())["state"] == "working":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert status["state"] == "done", status
    assert status["files"] == ["final_model.safetensors", "final_dataset.csv", "images.csv", "labels.jsonl"]
    for name in status["files"]:
        assert web.get(f"{at}/download", params={"name": name}).content == (work / "export" / name).read_bytes()
    rows = list(csv.DictReader((work / "export" / "images.csv").open(newline="")))
    events = (work / "export" / "labels.jsonl").read_text().splitlines()
    assert len(rows) == 150
    assert 0 < sum(row["source"] == "label" for row in rows) <= len(events)
    assert sum(bool(row["probability"]) for row in rows) == 150
    assert len(list((work / "export" / "final_dataset").rglob("*.png"))) == sum(bool(row["side"]) for row in rows)
    again = web.post(f"{at}/export", json={"formats": ["yolo"]})
    assert (again.status_code, "--format yolo: it takes" in again.json()["error"]) == (400, True)
    assert web.post(f"{at}/export", json={}).status_code == 400
    assert not (work / "final_dataset").exists()
