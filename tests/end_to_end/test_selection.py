"""What a run says about how images are chosen reaches the sampler, and every pick says why it was made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.support.command import HOG, label_rows, run_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
SIZE = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selection")
    draw_data_set(folder / "data", positives=30, negatives=170)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    return folder


def run(place: Path, work: Path, *sets: str, rounds: int = 1, typed: str = "") -> dict[str, Any]:
    """The steps of a run with these settings."""
    more = [part for one in sets for part in ("--set", one)]
    auto = ["--auto", "--rounds", str(rounds), "--seed-count", "20"] if not typed else []
    arguments = ["--data", place / "data", "--reference", place / "reference.png", "--simulate", "ring", *auto, *more]
    done = run_command("run", *HOG, *arguments, "--sample-size", str(SIZE), cwd=work, typed=typed)
    assert done.returncode == 0, done.stderr
    return {str(entry["step"]): entry["result"] for entry in read_entries(work / "runtime" / "journal.jsonl")[0]}


def picks(steps: dict[str, Any], number: int = 1) -> list[dict[str, Any]]:
    return [pick for pick in steps[f"round-{number}/select"] if not pick.get("second")]


def load(work: Path, artifact: dict[str, Any]) -> Any:
    return np.load(work / "runtime" / "artifacts" / artifact["path"])


@pytest.mark.parametrize(("goal", "boundary"), [("find_all", 2), ("classifier", 12), ("both", 6)])
def test_the_goal_leans_hybrid_to_one_side(place: Path, tmp_path: Path, goal: str, boundary: int) -> None:
    reasons = Counter(pick["reason"] for pick in picks(run(place, tmp_path, f"goal={goal}")))
    assert reasons["boundary"] == boundary
    assert reasons["exploit"] + reasons["explore"] == SIZE - boundary


def test_uncertainty_lies_around_the_threshold_of_the_curated_set(place: Path, tmp_path: Path) -> None:
    sets = ("sampling.strategy=uncertainty", "final_dataset.threshold=0.2")
    steps = run(place, tmp_path, *sets)
    scores, seed = (
        load(tmp_path, steps["round-1/score"]),
        {item for item, _, number in label_rows(tmp_path / "runtime") if number == 0},
    )
    free = np.array([item for item in range(len(scores)) if item not in seed])
    nearest = set(free[np.argsort(np.abs(scores[free] - 0.2), kind="stable")[:SIZE]].tolist())
    assert len(nearest & {pick["item"] for pick in picks(steps)}) >= SIZE - 1  # equal scores are drawn by lot


def test_with_seals_only_neighbours_of_positives_are_looked_at(place: Path, tmp_path: Path) -> None:
    steps = run(place, tmp_path, "sampling.seals=50", "sampling.strategy=uncertainty")
    vectors = load(tmp_path, steps["embed"]["generation"]["vectors"])
    positives = [
        item for item, answer, number in label_rows(tmp_path / "runtime") if number == 0 and answer == "positive"
    ]
    distances = np.linalg.norm(vectors[positives][:, None] - vectors[None], axis=2)
    near = set(np.argsort(distances, axis=1)[:, :51].ravel().tolist())
    chosen = {pick["item"] for pick in picks(steps)}
    assert len(near) < 120 and chosen <= near


@pytest.mark.long
def test_anchors_and_near_duplicates_reach_the_sampler(place: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain = run(place, tmp_path / "plain", "sampling.strategy=positive")
    steps = run(place, tmp_path, "sampling.strategy=positive", "sampling.anchors=40", "sampling.no_closer_than=0.98")
    assert len(picks(steps)) == SIZE
    assert len({p["item"] for p in picks(steps)} & {p["item"] for p in picks(plain)}) < SIZE, "a lot, not the best"
    vectors = load(tmp_path, steps["embed"]["generation"]["vectors"])[[p["item"] for p in picks(steps)]]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (unit @ unit.T)[~np.eye(SIZE, dtype=np.bool_)].max() <= 0.98 + 1e-6


def _reasons(work: Path) -> Iterator[str]:
    exported = run_command("export", work / "runtime", "--output", work / "out", "--format", "jsonl", cwd=work)
    assert exported.returncode == 0, exported.stderr
    for line in (work / "out" / "labels.jsonl").read_text().splitlines():
        yield json.loads(line)["reason"]


def test_every_label_tells_why_it_was_asked_for(place: Path, tmp_path: Path) -> None:
    typed = "20\n0\nl\nl\na\n90\n12\nl\nq\n"
    run(place, tmp_path, "labeling.overlap=0.2", "sampling.neighbours=true", "sampling.n_closest=2", typed=typed)
    counted = Counter(reason.split(" of ")[0] for reason in _reasons(tmp_path))
    assert {"neighbour", "random", "exploit", "boundary", "audit", "overlap"} <= counted.keys()
    assert counted["audit"] == 12 and counted["overlap"] == 3 * 4
