"""Training and validation: by class, by seed, and never at the expense of a rare class."""

from __future__ import annotations

import numpy as np
import pytest

from services.trainer.splits import stratified


def split(negatives: int, positives: int, share: float = 0.2, seed: int = 1) -> tuple[set[int], set[int], np.ndarray]:
    positive = np.arange(negatives + positives) < positives
    found = stratified(np.arange(len(positive), dtype=np.uint64) * 3, positive, share, seed)
    return set(found.training.tolist()), set(found.validation.tolist()), positive


def test_both_sides_hold_every_label_once_and_both_classes() -> None:
    training, validation, positive = split(90, 10)
    assert training | validation == set(range(100))
    assert not training & validation
    assert sum(positive[row] for row in validation) == 2
    assert len(validation) == 20


def test_the_seed_decides() -> None:
    assert split(90, 10, seed=1)[1] == split(90, 10, seed=1)[1]
    assert split(90, 10, seed=1)[1] != split(90, 10, seed=2)[1]


@pytest.mark.parametrize(("negatives", "positives"), [(1, 0), (0, 1), (30, 0), (0, 30), (30, 4), (4, 30), (1, 1)])
def test_few_labels_of_a_class_all_train(negatives: int, positives: int) -> None:
    training, validation, _ = split(negatives, positives)
    assert len(training) == negatives + positives
    assert not validation


def test_five_of_each_validate() -> None:
    assert len(split(5, 5)[1]) == 2


def test_no_share_no_validation() -> None:
    assert not split(50, 50, share=0.0)[1]


def test_items_tend_to_stay_on_their_side_when_labels_are_added() -> None:
    _, before, _ = split(200, 50)
    rng = np.random.default_rng(0)
    positive = np.concatenate([np.arange(250) < 50, rng.random(50) < 0.2])
    after = stratified(np.arange(300, dtype=np.uint64) * 3, positive, 0.2, 1)
    stayed = before & set(after.validation.tolist())
    assert len(stayed) > 0.7 * len(before)
