"""A yes that is probably a slip: asked about again, not learned from until then, and all of it the same in a replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.support.command import HOG, run_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
ROUNDS = "20\n0\n" + "l\n" * 5 + "q\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doubted")
    draw_data_set(folder / "data", positives=40, negatives=260)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    return folder


def _run(place: Path, work: Path, share: float) -> str:
    settings = ("labeling.simulate_error=0.1", f"labeling.second_opinions={share}", "seed=5")
    more = [part for setting in settings for part in ("--set", setting)]
    where = ("--data", place / "data", "--reference", place / "reference.png", "--simulate", "ring")
    done = run_command("run", *HOG, *where, *more, cwd=work, typed=ROUNDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _held_back(work: Path) -> list[int]:
    entries = read_entries(work / "runtime" / "journal.jsonl")[0]
    return [entry["result"]["held_back"] for entry in entries if str(entry["step"]).endswith("/train")]


def test_a_doubted_yes_is_left_out_and_asked_about_again_and_the_run_replays(place: Path, tmp_path: Path) -> None:
    told = _run(place, tmp_path, 0.5)
    assert "doubted yes left out until somebody has looked again" in told
    assert " once more" in told
    *rounds, last = _held_back(tmp_path)
    assert sum(rounds) > 0
    assert last == 0, "what is delivered has learned from all labels"
    replayed = run_command("replay", "runtime", cwd=tmp_path)
    assert replayed.returncode == 0 and "came out as they were" in replayed.stdout, replayed.stderr


def test_where_nobody_is_asked_twice_everything_is_learned_from(place: Path, tmp_path: Path) -> None:
    told = _run(place, tmp_path, 0)
    assert "left out" not in told and "once more" not in told
    assert set(_held_back(tmp_path)) == {0}
