"""Which embeddings decide how a fresh head scales its inputs."""

from __future__ import annotations

import numpy as np

from services.trainer.scaling import SAMPLE_ROWS, sample_rows, scaling_for


def test_the_sample_holds_zeros_that_are_embeddings_and_no_others() -> None:
    vectors = np.arange(12, dtype=np.float32).reshape(6, 2)
    vectors[[1, 2]] = 0
    vectors[4, 0] = np.inf
    sample = sample_rows(vectors, np.array([True, True, False, True, True, True]))
    assert sample.tolist() == [[0, 1], [0, 0], [6, 7], [10, 11]]


def test_the_sample_is_small_and_comes_from_the_whole_matrix() -> None:
    rows = 3 * SAMPLE_ROWS + 1
    vectors = np.arange(1, rows + 1, dtype=np.float32)[:, None]
    sample = sample_rows(vectors, np.arange(rows) % 2 == 0)
    assert SAMPLE_ROWS // 3 < len(sample) <= SAMPLE_ROWS
    assert sample.min() < rows * 0.01 and sample.max() > rows * 0.99
    assert (sample % 2 == 1).all(), "rows of items that have no embedding"
    assert sample_rows(vectors[:0], np.empty(0, dtype=bool)).shape == (0, 1)


def test_embeddings_that_are_all_the_same_are_taken_as_they_are() -> None:
    for rows in (np.zeros((5, 3)), np.full((5, 3), 7.0), np.empty((0, 3))):
        scaling = scaling_for(rows.astype(np.float32))
        assert scaling.scale == 1 and not scaling.shift.any()
