"""Where a search begins: with one image of what is looked for, with several, with a phrase, or with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.journal import read_entries
from tests.support.command import HOG, run_command
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
IMAGES, SEEDS = 200, 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cold")
    draw_data_set(folder / "data", positives=30, negatives=IMAGES - 30)
    for name, kind, seed in (("one", "ring", 9), ("two", "bar", 10), ("three", "ring", 11)):
        picture(kind, np.random.default_rng(seed)).save(folder / f"{name}.png")
    return folder


def start(place: Path, work: Path, *more: str | Path) -> dict[str, Any]:
    """The steps of a run that ends after its seed set and one round."""
    auto = ("--auto", "--rounds", "1", "--seed-count", str(SEEDS), "--sample-size", "6", "--port", "0")
    done = run_command("run", "--data", place / "data", "--simulate", "ring", *auto, *more, cwd=work)
    assert done.returncode == 0, done.stderr
    return {str(entry["step"]): entry["result"] for entry in read_entries(work / "runtime" / "journal.jsonl")[0]}


def load(work: Path, artifact: dict[str, Any]) -> Any:
    return np.load(work / "runtime" / "artifacts" / artifact["path"])


def expected(work: Path, steps: dict[str, Any]) -> set[int]:
    """Four fifths of the seeds: the nearest of each query in turns, the nearer ones first in each turn."""
    queries = np.array(steps["reference"], dtype=np.float32)
    vectors = load(work, steps["embed"]["generation"]["vectors"])
    distances = np.linalg.norm(vectors[None] - queries[:, None], axis=2)
    ranks = np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1)
    turns = [min(zip(ranks[:, item], distances[:, item], strict=True)) for item in range(IMAGES)]
    return set(sorted(range(IMAGES), key=lambda item: turns[item])[: SEEDS * 4 // 5])


def near(steps: dict[str, Any]) -> set[int]:
    return {pick["item"] for pick in steps["seed-0/select"] if pick["reason"] == "neighbour"}


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
def test_each_reference_image_has_its_turn(place: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    references = [part for name in names for part in ("--reference", place / f"{name}.png")]
    steps = start(place, tmp_path, *HOG, *references)
    assert len(steps["reference"]) == len(names)
    assert near(steps) == expected(tmp_path, steps)
    assert len(steps["seed-0/select"]) == SEEDS, "and a fifth by lot"
    assert len(steps["round-1/select"]) >= 6


def test_a_phrase_begins_in_the_space_of_the_images(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tests.support import hub_models as hub

    hub.save_model(tmp_path / "clip", "clip")
    steps = start(place, tmp_path, "--encoder-model", tmp_path / "clip", "--phrase", "a ring")
    assert np.linalg.norm(steps["reference"][0]) == pytest.approx(1, rel=1e-5)
    assert near(steps) == expected(tmp_path, steps)


def test_with_nothing_the_first_images_are_unlike_each_other(place: Path, tmp_path: Path) -> None:
    steps = start(place, tmp_path, *HOG)
    assert "reference" not in steps
    picks = [pick["item"] for pick in steps["seed-0/select"]]
    assert {pick["reason"] for pick in steps["seed-0/select"]} == {"explore"} and len(picks) == SEEDS
    (clusters,) = (tmp_path / "runtime" / "artifacts" / "clusters").glob("*.npy")
    of_item = np.load(clusters)
    assert len(set(of_item[picks].tolist())) == min(SEEDS, len(set(of_item.tolist()))), (
        "as many clusters as there can be"
    )
    assert len(steps["round-1/select"]) >= 6


def test_with_nothing_and_another_strategy_they_are_drawn_by_lot(place: Path, tmp_path: Path) -> None:
    steps = start(place, tmp_path, *HOG, "--set", "sampling.strategy=positive")
    assert {pick["reason"] for pick in steps["seed-0/select"]} == {"random"}
