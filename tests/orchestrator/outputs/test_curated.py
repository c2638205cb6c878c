"""Which side each image is on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from orchestrator.outputs.curated import choose_sides, quality
from protos.errors import InvalidInputError


def scores(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_labels_win_and_the_rest_goes_by_probability() -> None:
    sides = choose_sides(scores(0.9, 0.1, 0.5, 0.49, math.nan, 0.9, 0.9), {0: "negative", 1: "positive", 5: "unsure"})
    assert sides.side.tolist() == [0, 1, 1, 0, -1, -1, 1]
    assert sides.labelled.tolist() == [True, True, False, False, False, True, False]
    assert (sides.count(1), sides.count(0), sides.count(-1)) == (3, 2, 2)


def test_a_label_counts_where_there_is_no_score() -> None:
    assert choose_sides(scores(math.nan, math.nan), {1: "positive"}).side.tolist() == [-1, 1]


def test_another_threshold() -> None:
    assert choose_sides(scores(0.5, 0.8), {}, threshold=0.7).side.tolist() == [0, 1]


def test_a_label_beyond_the_catalog_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="a label of item 2, but the catalog has 2 images"):
        choose_sides(scores(0.1, 0.2), {2: "positive"})


def test_quality_of_the_positive_side() -> None:
    sides = choose_sides(scores(0.9, 0.9, 0.1, math.nan), {})
    found = quality(sides, np.array([1, 0, 1, 1], dtype=np.bool_))
    assert (found.precision, found.recall) == (0.5, pytest.approx(1 / 3))
    empty = quality(choose_sides(scores(0.1), {}), np.array([False]))
    assert math.isnan(empty.precision) and math.isnan(empty.recall)
