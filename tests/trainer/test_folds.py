"""Folds: each class in each, and an item stays in its own."""

from __future__ import annotations

import numpy as np
import pytest

from services.trainer.folds import folds_of


def drawn(count: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(10**6, count, replace=False)).astype(np.uint64), rng.random(count) < share


@pytest.mark.parametrize("count", [60, 500, 3000])
def test_every_fold_has_its_part_of_each_class(count: int) -> None:
    items, positive = drawn(count, 0.2)
    folds = folds_of(items, positive)
    assert set(folds.tolist()) == {0, 1, 2, 3, 4}
    for side in (positive, ~positive):
        parts = np.bincount(folds[side], minlength=5)
        assert parts.min() > 0.4 * side.sum() / 5


def test_an_item_stays_in_its_fold_as_labels_grow() -> None:
    items, positive = drawn(2000, 0.2)
    half = np.arange(2000) % 2 == 0
    assert np.array_equal(folds_of(items, positive)[half], folds_of(items[half], positive[half]))


@pytest.mark.parametrize(("rare", "folds"), [(0, 0), (1, 0), (2, 2), (3, 3), (5, 5), (12, 5)])
def test_a_rare_class_is_spread_over_as_many_folds_as_it_can(rare: int, folds: int) -> None:
    for positive in (np.arange(100) < rare, np.arange(100) >= rare):
        found = folds_of(np.arange(100, dtype=np.uint64), positive)
        assert len(set(found.tolist())) == folds
        if folds:
            side = positive if positive.sum() == rare else ~positive
            assert np.bincount(found[side], minlength=folds).min() >= 1
