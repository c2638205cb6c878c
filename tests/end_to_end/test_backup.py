"""A run in one file, and back on "another host": it goes on with the same labels, and ends as the one that stayed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import HOG, label_rows, run_command, steps_done
from tests.support.pictures import draw_data_set, picture

LOOP = ("--simulate", "ring", "--rounds", "3", "--sample-size", "6", "--seed-count", "10", "--port", "0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was left at a question, and its backup."""
    folder = tmp_path_factory.mktemp("backup")
    draw_data_set(folder / "data", positives=20, negatives=80)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    arguments = ["run", *HOG, "--data", folder / "data", "--reference", folder / "reference.png", *LOOP]
    left = run_command(*arguments, cwd=folder, typed="10\n0\nl\n")
    assert "standard input ended" in left.stderr
    done = run_command("backup", "runtime", "run.tar", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"{len(label_rows(folder / 'runtime'))} answers in run.tar" in done.stdout
    return folder


@pytest.mark.slow
def test_a_restored_run_ends_as_the_one_that_stayed(place: Path) -> None:
    other = place / "other"
    other.mkdir()
    restored = run_command("restore", place / "run.tar", cwd=other)
    assert restored.returncode == 0, restored.stderr
    assert label_rows(other / "runtime") == label_rows(place / "runtime")
    assert steps_done(other) == steps_done(place)
    assert "next" in run_command("status", cwd=other).stdout
    for work in (place, other):
        done = run_command("resume", "runtime", "--auto", "--rounds", "3", cwd=work)
        assert done.returncode == 0, done.stdout + done.stderr
    page = run_command("link", "runtime", cwd=other)
    assert "is finished, and its page closed with it; `active-labeler status" in page.stderr
    assert label_rows(other / "runtime") == label_rows(place / "runtime")
    for table in ("runtime/final_dataset.csv", "metrics.csv"):
        if (place / table).exists():
            assert (other / table).read_bytes() == (place / table).read_bytes()
    assert (other / "final_model.ckpt").is_file()
    assert not list((other / "runtime").glob("**/label-copies/*"))


@pytest.mark.slow
def test_what_restore_refuses_leaves_nothing_behind(place: Path, tmp_path: Path) -> None:
    again = run_command("restore", "run.tar", cwd=place)
    assert (again.returncode, "there is a run in" in again.stderr) == (4, True)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    refused = run_command("restore", place / "run.tar", "--runtime", full, cwd=tmp_path)
    assert (refused.returncode, "is not empty" in refused.stderr) == (4, True)
    damaged = tmp_path / "damaged.tar"
    data = bytearray((place / "run.tar").read_bytes())
    start = data.index(b"journal.jsonl") + 1000
    data[start] ^= 0xFF
    damaged.write_bytes(data)
    refused = run_command("restore", damaged, cwd=tmp_path)
    assert (refused.returncode, "is not what was saved" in refused.stderr) == (5, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.tar", "full"]
    exists = run_command("backup", "runtime", "run.tar", cwd=place)
    assert (exists.returncode, "exists already" in exists.stderr) == (4, True)


@pytest.mark.slow
def test_a_run_of_another_format_is_refused_and_an_older_store_is_migrated(place: Path, tmp_path: Path) -> None:
    restored = run_command("restore", place / "run.tar", cwd=tmp_path)
    assert restored.returncode == 0, restored.stderr
    with closing(sqlite3.connect(tmp_path / "runtime" / "labels" / "labels.sqlite")) as database:
        database.executescript(
            "DROP INDEX cards_of_second; DROP INDEX cards_by_lease;"
            "ALTER TABLE cards DROP COLUMN second; DROP INDEX events_of_item;"
            "ALTER TABLE runs DROP COLUMN show_scores; ALTER TABLE events DROP COLUMN scores_shown;"
            "ALTER TABLE runs DROP COLUMN definition; ALTER TABLE runs DROP COLUMN continuous;"
            "UPDATE about SET version = 1;"
        )
    done = run_command("backup", "runtime", "migrated.tar", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    about = tmp_path / "runtime" / "run.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 0}))
    for command in (("backup", "runtime", "other.tar"), ("resume", "runtime"), ("status", "runtime")):
        refused = run_command(*command, cwd=tmp_path)
        assert (refused.returncode, "has format 0, this version works with 1" in refused.stderr) == (4, True)
