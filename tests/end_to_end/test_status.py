"""``active-labeler status`` beside a run with people: the dashboard's figures in the terminal, at work and at rest."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.annotator import Annotator
from tests.support.command import HOG, run_command, start_command
from tests.support.pictures import draw_data_set, picture


def _wait_for(text: str, work: Path) -> str:
    end = time.monotonic() + 120
    while not re.search(text, said := (work / "output.txt").read_text()):
        assert time.monotonic() < end, said
        time.sleep(0.1)
    return said


def _status(work: Path, until: str = "") -> str:
    """What it says, once it says ``until``."""
    end = time.monotonic() + 60
    while True:
        told = run_command("status", "runtime", cwd=work)
        assert told.returncode == 0, told.stderr
        if until in told.stdout:
            return told.stdout
        assert time.monotonic() < end, told.stdout
        time.sleep(0.2)


@pytest.mark.slow
def test_the_dashboard_in_the_terminal(tmp_path: Path) -> None:
    draw_data_set(tmp_path / "data", positives=20, negatives=60)
    picture("ring", np.random.default_rng(9)).save(tmp_path / "reference.png")
    places = ["--data", tmp_path / "data", "--reference", tmp_path / "reference.png", "--port", "0"]
    answers = ["--auto", "--rounds", "3", "--sample-size", "6", "--seed-count", "10"]
    process = start_command("run", *HOG, *places, *answers, cwd=tmp_path)
    try:
        images = r"10 images wait for you at (http://127\.0\.0\.1:\d+/)\n"
        url = re.findall(images, _wait_for(images, tmp_path))[0]
        ann, bob = Annotator(url, "ann"), Annotator(url, "bob")
        for _ in range(3):
            assert ann.answer()
            assert bob.answer()
        assert re.search(r"\n  found       \d+ positive in 6 labels", _status(tmp_path, until=" in 6 labels"))
        seen = ann.loop()  # the seed set is not done, and counts as it goes
        assert (seen["labels"], [point["labels"] for point in seen["rounds"]]) == (6, [0, 6])
        for _ in range(2):
            assert ann.answer()
            assert bob.answer()
        told = _status(tmp_path, until="round-1/offer")
        assert re.search(r"\n  found       \d+ positive in 10 labels \(\d+ %\)\n", told), told
        ann.sync(want=2)
        told = _status(tmp_path, until=" in somebody's hands")
        queue = re.search(r"\n  queue       6 on offer, (\d) of them in somebody's hands\n", told)
        assert queue, told
        assert 0 < int(queue[1]) <= 6
        assert re.search(r"\n  people      answers   yes  unsure  taken back  a minute  agreement\n", told), told
        assert re.search(r"\n  ann +5 +\d+ % +0.0 % +0 +\S+ +–\n  bob +5 ", told), told
        assert re.search(r"\n  newest head round 1: F1 \d+ %, precision", told), told
        assert re.search(r"\n  labeling    0 of 6", told), told
        assert "\n  at work (labeling, step round-1/label)" in told
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    told = _status(tmp_path)
    assert re.search(r"\n  found       \d+ positive in 10 labels \(\d+ %\)\n", told), told
    assert "\n  newest head round 1:" in told
    assert "not at work; go on with" in told
    assert not any(word in told for word in ("queue", "people", "in somebody's hands"))
