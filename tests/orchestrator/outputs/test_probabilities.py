"""The table of probabilities: a column a round, true positives first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from orchestrator.outputs.probabilities import RoundScores, write_probabilities


def round_of(step: int, scores: list[float], pool: list[int]) -> RoundScores:
    return RoundScores(step, np.array(scores, dtype=np.float32), np.array(pool, dtype=np.bool_))


ROUNDS = [
    round_of(1, [0.1, 0.2, 0.3, 0.4, np.nan], [1, 1, 1, 1, 1]),
    round_of(2, [0.5, 0.6, 0.7, 0.8, np.nan], [1, 0, 1, 1, 1]),
]
PATHS = ["a.png", "b.png", "c.png", "d.png", "e.png"]


def test_true_positives_stand_first_and_a_row_is_one_image(tmp_path: Path) -> None:
    write_probabilities(tmp_path / "p.csv", ROUNDS, PATHS, np.array([0, 1, 0, 1, 0], dtype=np.bool_))
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "round_1,round_2,path",
        "0.2,,b.png",
        "0.4,0.8,d.png",
        "0.1,0.5,a.png",
        "0.3,0.7,c.png",
    ]


def test_without_truth_they_stand_by_number(tmp_path: Path) -> None:
    write_probabilities(tmp_path / "p.csv", ROUNDS, PATHS, None)
    assert pd.read_csv(tmp_path / "p.csv")["path"].tolist() == ["a.png", "b.png", "c.png", "d.png"]


def test_hostile_names_survive(tmp_path: Path, hostile: tuple[Path, list[str]]) -> None:
    _, paths = hostile
    write_probabilities(tmp_path / "p.csv", [round_of(1, [0.5] * len(paths), [1] * len(paths))], paths, None)
    table = pd.read_csv(tmp_path / "p.csv", encoding_errors="surrogateescape", dtype={"path": object})
    assert [os.fsencode(path) for path in table["path"]] == [os.fsencode(path) for path in paths]


def test_no_round_yet(tmp_path: Path) -> None:
    write_probabilities(tmp_path / "p.csv", [], PATHS, None)
    assert (tmp_path / "p.csv").read_text() == "path\n"


def test_ten_thousand_images_and_ten_rounds_are_quick(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(10_000, dtype=np.float32)
    rounds = [RoundScores(step, scores, np.ones(10_000, dtype=np.bool_)) for step in range(10)]
    paths = [f"{number}.png" for number in range(10_000)]
    start = time.monotonic()
    write_probabilities(tmp_path / "p.csv", rounds, paths, scores > 0.9)
    assert time.monotonic() - start < 60
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.shape == (10_000, 11)
    np.testing.assert_allclose(table["round_3"].sum(), scores.sum(), rtol=1e-4)
