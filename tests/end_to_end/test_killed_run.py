"""kill -9 of the orchestrator and of each service: resumed, the run ends as if nothing had happened."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import HOG, kill_at, label_rows, run_command, start_command, still_alive
from tests.support.pictures import draw_data_set, picture

ROUNDS = 4
LOOP = (
    "--simulate",
    "ring",
    "--auto",
    "--rounds",
    str(ROUNDS),
    "--sample-size",
    "6",
    "--seed-count",
    "10",
    "--port",
    "0",
)
SEED = ("--set", "seed=7", "--set", "sampling.neighbours=true", "--set", "sampling.n_closest=2")
AGAIN = ("labeling.simulate_error=0.1", "labeling.second_opinions=0.3", "labeling.overlap=0.2")  # of six cards
VICTIMS = (
    "embedder",
    "labeler",
    "orchestrator",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("index", "trainer", "sampler")),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set that takes the embedder a few blocks, and a reference image beside it."""
    folder = tmp_path_factory.mktemp("killed")
    draw_data_set(folder / "data", positives=60, negatives=540)
    picture("ring", np.random.default_rng(99)).save(folder / "reference.png")
    return folder


@pytest.fixture(scope="module")
def calm(data: Path) -> Path:
    """The working directory of the run that nobody disturbs."""
    work = data / "calm"
    work.mkdir()
    done = run_command(*_arguments(data), cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    return work


def _arguments(data: Path) -> list[str | Path]:
    again = [part for setting in AGAIN for part in ("--set", setting)]
    return ["run", *HOG, "--data", data / "data", "--reference", data / "reference.png", *LOOP, *SEED, *again]


def _curated(work: Path) -> list[tuple[str, str, str]]:
    with (work / "runtime" / "final_dataset.csv").open() as file:
        return sorted((row["path"], row["side"], row["probability"]) for row in csv.DictReader(file))


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_killed_run_resumes_to_the_same_end(data: Path, calm: Path, victim: str) -> None:
    work = data / f"without-{victim}"
    work.mkdir()
    process = start_command(*_arguments(data), cwd=work)
    # Each victim is killed at another place of the loop; the embedder and the index where they are at work.
    place = {"embedder": 3, "index": 4, "trainer": 11, "sampler": 14, "labeler": 18, "orchestrator": 22}[victim]
    pids = kill_at(process, work, victim, place)
    assert process.returncode != 0, (work / "output.txt").read_text()
    assert not still_alive(pids)
    if victim != "orchestrator":
        text = (work / "output.txt").read_text()
        assert process.returncode == 3, text
        assert f"the {victim} service stopped (killed by signal 9)" in text
        assert "active-labeler resume" in text
        assert "Traceback" not in text
    done = run_command("resume", work / "runtime", cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert label_rows(work / "runtime") == label_rows(calm / "runtime")
    assert _curated(work) == _curated(calm)
    assert (work / "final_model.ckpt").exists()


@pytest.mark.long
def test_killed_again_and_again_at_every_step(data: Path, calm: Path) -> None:
    """The orchestrator dies each time three more steps are done, until it is through."""
    work = data / "again"
    work.mkdir()
    process = start_command(*_arguments(data), cwd=work)
    for attempt in range(1, 40):
        kill_at(process, work, "orchestrator", attempt * 4)
        if process.returncode == 0:
            break
        process = start_command("resume", work / "runtime", cwd=work)
    assert process.returncode == 0, (work / "output.txt").read_text()
    assert attempt > 3
    assert label_rows(work / "runtime") == label_rows(calm / "runtime")
    assert _curated(work) == _curated(calm)


def test_the_run_of_these_tests_has_second_opinions_and_replays(calm: Path) -> None:
    with closing(
        sqlite3.connect(f"file:{calm / 'runtime' / 'labels' / 'labels.sqlite'}?mode=ro", uri=True)
    ) as database:
        reasons = dict(database.execute("SELECT reason, count(*) FROM events GROUP BY reason"))
    assert reasons.get("second", 0) >= 1 and reasons.get("overlap", 0) >= ROUNDS
    status = run_command("status", "runtime", cwd=calm).stdout
    assert "pairs of answers to one image agree" in status
    replayed = run_command("replay", "runtime", cwd=calm)
    assert replayed.returncode == 0 and "came out as they were" in replayed.stdout, replayed.stderr
