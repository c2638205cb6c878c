"""What a run has recorded is enough to compute its heads, scores and choices again, whatever has happened in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.end_to_end.test_continuous_run import answer_question, label_until, page_of, steps_of
from tests.support.annotator import Annotator
from tests.support.command import HOG, run_command, start_command
from tests.support.pictures import draw_data_set, picture
from tests.support.reference_encoders import build, foreign_packages, lightning, save

pytestmark = pytest.mark.slow


class Changeable(Annotator):
    """Somebody who takes every fourth answer back and thinks better of every fifth."""

    def answer(self) -> bool:
        answered = super().answer()
        if answered and len(self.said) % 4 == 0:
            self.tell("retracted")
        elif answered and len(self.said) % 5 == 0:
            self.tell("unsure" if len(self.said) % 2 else "negative")
        return answered


def arguments(place: Path, *more: str | Path) -> list[str | Path]:
    return ["run", "--data", place / "data", "--reference", place / "reference.png", "--port", "0", *more]


def draw(place: Path, positives: int, negatives: int) -> None:
    draw_data_set(place / "data", positives=positives, negatives=negatives)
    picture("ring", np.random.default_rng(9)).save(place / "reference.png")


def test_with_minds_changed_answers_taken_back_and_images_added_on_the_way(tmp_path: Path) -> None:
    draw(tmp_path, 30, 170)
    settings = (
        "--continuous",
        "--set",
        "labeling.retrain_after=5",
        "--seed-count",
        "10",
        "--set",
        "seed_set.repeats=0",
    )
    process = start_command(*arguments(tmp_path, *HOG, *settings), cwd=tmp_path)
    url = page_of(tmp_path, process)
    people = [Changeable(url, "ann"), Annotator(url, "bob")]
    label_until(tmp_path, people, "round-2/score")
    for number in range(6):
        picture("ring", np.random.default_rng(100 + number)).save(tmp_path / f"data/Unlabeled/new_{number}_ring.png")
    added = run_command("add", "runtime", cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    label_until(tmp_path, people, "round-5/score")
    answer_question(people[0], "wish", "q")
    assert process.wait(60) == 0, (tmp_path / "output.txt").read_text()
    steps = steps_of(tmp_path)
    assert any(step.endswith("/score-added") for step in steps)
    assert people[0].sequence > len(people[0].said)
    replayed = run_command("replay", "runtime", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    computed = [s for s in steps if s.endswith(("/train", "/score", "/select", "/score-added")) and "seed" not in s]
    assert replayed.stdout == f"All {len(computed)} heads, scores and choices came out as they were, bit by bit.\n"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has fine-tuned twice, audited recall and ended."""
    place = tmp_path_factory.mktemp("tuned")
    draw(place, 20, 60)
    with foreign_packages():
        save(place / "encoder.ckpt", lightning(build("minicnn32"), 32))
    sets = ("encoder.image_size=32", "fine_tune.encoder_lr=0.02", "fine_tune.epochs=6", "head.lr=0.02")
    more = [part for one in sets for part in ("--set", one)]
    command = arguments(place, "--simulate", "ring", "--encoder", place / "encoder.ckpt", "--sample-size", "6", *more)
    done = run_command(*command, cwd=place, typed="30\n0\nl\nf\nf\na\n90\n5\nq\n")
    assert done.returncode == 0, done.stderr
    return place


def test_fine_tuned_encoders_audits_and_the_last_head_are_computed_again(tuned: Path) -> None:
    steps = steps_of(tuned)
    assert sum(step.endswith("/fine-tune") for step in steps) == 2
    assert "finish/train" in steps and "round-4/certainty-1/draw" in steps
    before = (tuned / "runtime" / "journal.jsonl").read_bytes()
    replayed = run_command("replay", "runtime", cwd=tuned)
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.startswith("All ") and "came out as they were" in replayed.stdout
    assert (tuned / "runtime" / "journal.jsonl").read_bytes() == before


def test_an_encoder_that_is_refused_is_not_embedded_with(tuned: Path) -> None:
    steps = steps_of(tuned)
    for step, result in steps.items():
        if step.endswith("/fine-tune"):
            assert (step.replace("/fine-tune", "/embed") in steps) == (not result["refused"])


@pytest.mark.parametrize(
    "step",
    [
        "round-1/select",
        pytest.param("round-2/fine-tune", marks=pytest.mark.long),
        pytest.param("finish/score", marks=pytest.mark.long),
    ],
)
def test_a_record_that_says_something_else_is_found_out(tuned: Path, tmp_path: Path, step: str) -> None:
    journal = tuned / "runtime" / "journal.jsonl"
    before = journal.read_bytes()
    entries = read_entries(journal)[0]
    for entry in entries:
        if entry["step"] == step:
            wrong = json.loads(json.dumps(entry["result"]))
            if isinstance(wrong, list):
                wrong[0], wrong[1] = wrong[1], wrong[0]
            else:
                wrong.get("head", wrong)["tampered"] = True
            entry["result"] = wrong
    try:
        journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        replayed = run_command("replay", "runtime", cwd=tuned)
    finally:
        journal.write_bytes(before)
    assert replayed.returncode == 5
    assert f"steps came out differently, {step} first" in replayed.stderr
