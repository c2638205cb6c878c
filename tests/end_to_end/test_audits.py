"""Audits inside a run: asked for, paid, told, and true."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.support.command import HOG, label_rows, run_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audits")
    draw_data_set(folder / "data", positives=40, negatives=260)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    return folder


def _run(place: Path) -> list[str | Path]:
    return ["run", *HOG, "--data", place / "data", "--reference", place / "reference.png", "--simulate", "ring"]


def _steps(work: Path) -> dict[str, object]:
    return {str(entry["step"]): entry["result"] for entry in read_entries(work / "runtime" / "journal.jsonl")[0]}


def test_an_audit_of_recall_tells_its_price_first_and_a_bound_afterwards(place: Path, tmp_path: Path) -> None:
    done = run_command(*_run(place), cwd=tmp_path, typed="20\n0\nl\nl\na\n90\n80\nq\n")
    assert done.returncode == 0, done.stderr
    assert "To show a recall of 0.9" in done.stdout
    assert "of 80 drawn images count as positive: recall about" in done.stdout
    assert "Audited recall" in done.stdout.split("curated set")[1]
    assert len(label_rows(tmp_path / "runtime")) == 20 + 20 + 20 + 80
    judged = _steps(tmp_path)["round-3/certainty-1/judge"]
    assert isinstance(judged, dict)
    assert judged["at_least"] <= judged["estimate"]


def test_the_answers_to_an_audit_are_none_of_the_round_after_it(place: Path, tmp_path: Path) -> None:
    done = run_command(*_run(place), cwd=tmp_path, typed="20\n0\nl\na\n90\n30\nl\nq\n")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "metrics.csv").open() as file:
        first, second = csv.DictReader(file)
    assert int(first["labeled_pos"]) + int(first["labeled_neg"]) == 20
    assert int(second["pos_train_img"]) + int(second["neg_train_imgs"]) == 20 + 20 + 30
    assert int(second["labeled_pos"]) + int(second["labeled_neg"]) == 20
    status = run_command("status", "runtime", cwd=tmp_path).stdout
    assert re.search(r"\n  audit before round 2 \d+ positive, \d+ negative, 0 unsure\n", status)
    told = re.search(r"\n  round 2     (\d+) positive, (\d+) negative", status)
    assert told is not None and int(told[1]) + int(told[2]) == 20
    assert "audit       [" in status, "the lights stay when a run is finished"


def test_zero_goes_back_and_nothing_is_drawn(place: Path, tmp_path: Path) -> None:
    done = run_command(*_run(place), cwd=tmp_path, typed="20\n0\nl\na\n0\na\n90\n0\np\n0\nq\n")
    assert done.returncode == 0, done.stderr
    assert len(label_rows(tmp_path / "runtime")) == 40


def test_a_proved_precision_decides_what_is_written(place: Path, tmp_path: Path) -> None:
    typed = "20\n0\n" + "l\n" * 3 + "p\n80\n3\nq\n"
    done = run_command(*_run(place), "--set", "sampling.strategy=uncertainty", cwd=tmp_path, typed=typed)
    assert done.returncode == 0, done.stderr
    steps = _steps(tmp_path)
    line = steps["round-4/certainty-1/threshold"]
    assert isinstance(line, dict)
    if not line["accepted"]:
        pytest.skip("the head is not sure enough of anything with these pictures")
    assert "that people named: precision at least" in done.stdout
    judged = steps["round-4/certainty-1/judge"]
    assert isinstance(judged, dict)
    assert ("proof " in done.stdout) == judged["shown"]


def test_after_a_proof_what_lies_below_its_line_is_offered_for_review(tmp_path: Path) -> None:
    draw_data_set(tmp_path / "data", positives=150, negatives=450)
    picture("ring", np.random.default_rng(9)).save(tmp_path / "reference.png")
    typed = "20\n0\n" + "l\n" * 2 + "p\n90\n25\n1\nq\n"
    done = run_command(*_run(tmp_path), "--set", "sampling.strategy=uncertainty", cwd=tmp_path, typed=typed)
    if "more images have a probability" not in done.stdout:
        pytest.skip("with these pictures nothing is left between the proved line and the plain one")
    assert done.returncode == 0, done.stderr
    assert "below, which are to be looked at, the whole takes about" in done.stdout
    assert len(label_rows(tmp_path / "runtime")) == 20 + 20 * 2 + 25 + 1
    assert any(step.endswith("/review") for step in _steps(tmp_path))
    assert "proof " in done.stdout  # the proof outlives the review


def test_status_shows_three_lights_and_advice(place: Path, tmp_path: Path) -> None:
    stopped = run_command(*_run(place), cwd=tmp_path, typed="20\n0\nl\nl\n")  # standard input ends: the run waits
    assert stopped.returncode == 2
    status = run_command("status", "runtime", cwd=tmp_path).stdout
    for word in ("head        [", "yield       [", "audit       [grey]", "advice      "):
        assert word in status
    resumed = run_command("resume", "runtime", cwd=tmp_path, typed="a\n50\n30\nq\n")
    assert resumed.returncode == 0, resumed.stderr
    assert "of 30 drawn images count as positive" in resumed.stdout
