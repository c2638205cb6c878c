"""The table of rounds: the original's columns, and the numbers that belong into them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestrator.outputs.metrics import COLUMNS, Confidence, RoundFacts, confidence, metrics_row, write_metrics
from orchestrator.outputs.truth import truth_of
from protos.errors import InvalidInputError

FACTS = RoundFacts(
    pos_class="airplane",
    step=3,
    model_type="l",
    pos_train=10,
    neg_train=30,
    train_seconds=119.9,
    labeled_pos=4,
    labeled_neg=15,
    f1=0.5,
    precision=0.6,
    accuracy=0.7,
    recall=0.8,
    positives=Confidence(at_08=20, at_05=50, median=0.55),
    negatives=Confidence(at_08=2, at_05=9, median=0.1),
)
ORIGINAL = (
    "class step model_type train_ratio pos_train_img neg_train_imgs train_time labeled_pos labeled_neg f1_score precision"
    " accuracy recall pos_class_confidence_0.8 pos_class_confidence_0.5 pos_class_confidence_median"
    " neg_class_confidence_0.8 neg_class_confidence_0.5 neg_class_confidence_median total_labeling_effort"
    " actual_pos_imgs_0.8 actual_pos_imgs_0.5"
)


def test_the_columns_are_the_originals() -> None:
    assert list(COLUMNS) == ORIGINAL.split()


def test_a_row_says_what_the_original_meant() -> None:
    assert list(metrics_row(FACTS).items()) == list(
        zip(
            COLUMNS,
            ["airplane", 3, "l", 3.0, 10, 30, 1, 4, 15, 0.5, 0.6, 0.7, 0.8, 20, 50, 0.55, 2, 9, 0.1, 62, 34, 64],
            strict=True,
        )
    )


def test_without_truth_its_cells_are_empty(tmp_path: Path) -> None:
    blind = replace(FACTS, pos_class="", positives=None, negatives=None, f1=math.nan, pos_train=0)
    write_metrics(tmp_path / "m.csv", [blind])
    assert (tmp_path / "m.csv").read_text().splitlines()[1] == ",3,l,,0,30,1,4,15,,0.6,0.7,0.8,,,,,,,,,"


def test_counts_stay_whole_numbers_beside_empty_cells(tmp_path: Path) -> None:
    write_metrics(tmp_path / "m.csv", [FACTS, replace(FACTS, positives=None, negatives=None, step=4, model_type="f")])
    first, second = (tmp_path / "m.csv").read_text().splitlines()[1:]
    assert first == "airplane,3,l,3.0,10,30,1,4,15,0.5,0.6,0.7,0.8,20,50,0.55,2,9,0.1,62,34,64"
    assert second.startswith("airplane,4,f,")
    assert pd.read_csv(tmp_path / "m.csv")["total_labeling_effort"].isna().tolist() == [False, True]


def test_a_table_without_rounds_has_its_header(tmp_path: Path) -> None:
    write_metrics(tmp_path / "m.csv", [])
    assert (tmp_path / "m.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_confidence_counts_the_pool_by_true_class() -> None:
    scores = np.array([0.8, 0.79, 0.5, 0.49, 0.9, 0.9, np.nan, 0.5], dtype=np.float32)
    truth = np.array([1, 1, 1, 1, 0, 0, 1, 0], dtype=np.bool_)
    pool = np.array([1, 1, 1, 1, 1, 0, 1, 1], dtype=np.bool_)
    positive, negative = confidence(scores, pool, truth)
    assert (positive.at_08, positive.at_05) == (1, 3)
    assert positive.median == pytest.approx((0.79 + 0.5) / 2)
    assert (negative.at_08, negative.at_05, negative.median) == (1, 2, pytest.approx(0.7))


def test_an_empty_pool_has_no_median() -> None:
    none = np.zeros(2, dtype=np.bool_)
    positive, _ = confidence(np.ones(2, dtype=np.float32), none, none)
    assert (positive.at_08, positive.at_05) == (0, 0)
    assert math.isnan(positive.median)


def test_truth_is_in_the_path_below_the_root() -> None:
    paths = ["airplane_1.jpg", "airplane/2.jpg", "car.jpg", "Airplane.jpg"]
    truth = truth_of(paths, "airplane")
    assert truth is not None
    assert truth.tolist() == [True, True, False, False]
    assert truth_of(paths, "") is None
    assert truth_of(paths, "ship") is None  # it names nothing here


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.csv").mkdir()
    with pytest.raises(InvalidInputError, match=r"m\.csv cannot be written"):
        write_metrics(tmp_path / "m.csv", [FACTS])
