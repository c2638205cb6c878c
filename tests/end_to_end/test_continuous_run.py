"""Continuous mode: the head learns while people label through the page's own protocol."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.support.annotator import Annotator
from tests.support.command import HOG, label_rows, run_command, start_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
EVERY = 5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("continuous")
    draw_data_set(folder / "data", positives=20, negatives=130)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    return folder


def begin(place: Path, work: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["--data", place / "data", "--reference", place / "reference.png", "--port", "0", "--seed-count", "10"]
    more = (*more, "--set", "labeling.second_opinions=0")  # these tests look for images that are asked about twice
    return start_command(
        "run", *HOG, *arguments, "--continuous", "--set", f"labeling.retrain_after={EVERY}", *more, cwd=work
    )


def page_of(work: Path, process: subprocess.Popen[str], since: int = 0) -> str:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        found = re.findall(r"for you at (http://127\.0\.0\.1:\d+/)\n", (work / "output.txt").read_text()[since:])
        if found:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError((work / "output.txt").read_text())


def steps_of(work: Path) -> dict[str, Any]:
    return {str(entry["step"]): entry["result"] for entry in read_entries(work / "runtime" / "journal.jsonl")[0]}


def label_until(work: Path, annotators: list[Annotator], step: str) -> None:
    """Answers, but not much faster than heads learn: on a busy machine there would be no image left for the next one."""
    end = time.monotonic() + 120
    while step not in (steps := steps_of(work)):
        assert time.monotonic() < end, (work / "output.txt").read_text()
        heads = sum(name.endswith("/train") for name in steps)
        early = sum(len(annotator.said) for annotator in annotators) < 10 + 2 * EVERY * (heads + 1)
        answered = early and [annotator.answer() for annotator in annotators]  # each of them, not the first alone
        if not answered or not any(answered):
            time.sleep(0.1)


def answer_question(annotator: Annotator, begins: str, answer: str) -> None:
    end = time.monotonic() + 60
    while (question := annotator.loop()["question"]) is None or not question["id"].startswith(begins):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert annotator.tell_the_loop(question["id"], answer).json()["accepted"]


def test_people_label_without_a_pause_and_the_page_finishes_the_run(place: Path, tmp_path: Path) -> None:
    process = begin(place, tmp_path)
    url = page_of(tmp_path, process)
    ann, bob = Annotator(url, "ann"), Annotator(url, "bob")
    label_until(tmp_path, [ann, bob], "seed-0/label")
    answer_question(ann, "seed-1/count", "0")
    label_until(tmp_path, [ann, bob], "round-4/score")
    standing = ann.loop()
    assert standing["labels"] >= 10 + 3 * EVERY
    assert ann.tell_the_loop("wish", "x").status_code == 400
    answer_question(ann, "wish", "q")
    assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()
    rows = label_rows(tmp_path / "runtime")
    assert sorted(row[0] for row in rows) == sorted(ann.said + bob.said)
    assert max(Counter(row[0] for row in rows).values()) == 1  # nobody was asked what somebody had answered
    heads = [step for step in steps_of(tmp_path) if step.endswith("/train")]
    assert len(heads) >= 4
    replayed = run_command("replay", "runtime", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert "came out as they were" in replayed.stdout


def test_an_image_that_several_answered_is_one_label(place: Path, tmp_path: Path) -> None:
    process = begin(place, tmp_path, "--set", "labeling.overlap=0.5")
    url = page_of(tmp_path, process)
    ann, bob = Annotator(url, "ann"), Annotator(url, "bob")
    label_until(tmp_path, [ann, bob], "seed-0/label")
    answer_question(ann, "seed-1/count", "0")
    label_until(tmp_path, [ann, bob], "round-4/offer")
    assert ann.answer() and bob.answer()  # after the count at the end of a round
    labelled = {*ann.said, *bob.said}
    assert len(labelled) < len(ann.said) + len(bob.said)  # some were asked about twice
    end = time.monotonic() + 30
    while (standing := ann.loop())["labels"] != len(labelled):
        assert time.monotonic() < end, f"{standing['labels']} labels of {len(labelled)} images"
        time.sleep(0.1)
    told = run_command("status", "runtime", cwd=tmp_path).stdout
    assert re.search(rf"found +\d+ positive in {len(labelled)} labels", told), told
    answer_question(ann, "wish", "q")
    assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()


def test_a_killed_continuous_run_goes_on_without_losing_an_answer(place: Path, tmp_path: Path) -> None:
    process = begin(place, tmp_path, "--set", "seed_set.repeats=0")
    ann = Annotator(page_of(tmp_path, process), "ann")
    label_until(tmp_path, [ann], "round-2/score")
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = label_rows(tmp_path / "runtime")
    printed = len((tmp_path / "output.txt").read_text())
    process = start_command("resume", "runtime", "--port", "0", cwd=tmp_path)
    again = Annotator(page_of(tmp_path, process, printed), "ann2")
    label_until(tmp_path, [again], "round-4/score")
    answer_question(again, "wish", "q")
    assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()
    rows = label_rows(tmp_path / "runtime")
    assert set(before) <= set(rows)
    assert max(Counter(row[0] for row in rows).values()) == 1


def test_simulated_answers_retrain_after_every_few(place: Path, tmp_path: Path) -> None:
    arguments = ["--data", place / "data", "--reference", place / "reference.png", "--simulate", "ring", "--continuous"]
    more = ["--set", f"labeling.retrain_after={EVERY}", "--auto", "--rounds", "4", "--seed-count", "10"]
    done = run_command("run", *HOG, *arguments, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    per_round = Counter(row[2] for row in label_rows(tmp_path / "runtime"))
    assert per_round == {0: 10, 1: EVERY, 2: EVERY, 3: EVERY, 4: EVERY}
