"""The solver of logistic regression against scikit-learn's, and many problems at once against one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from services.trainer.logistic import MOST_STEPS, Solution, balanced, solve


def problem(n: int, dim: int, rare: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Unit rows [n, dim] with a mean far from zero, the first ``rare`` of them positive."""
    rng = np.random.default_rng(seed)
    positive = np.arange(n) < rare
    rows = rng.normal(size=(n, dim)) / np.sqrt(np.arange(1, dim + 1)) + 0.3
    rows[positive, : dim // 4] += 0.3
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), positive


def ours(rows: Any, positive: Any, c: float = 10.0, weights: Any = None, start: Solution | None = None) -> Solution:
    targets = torch.from_numpy(positive.astype(np.float32))
    weights = balanced(targets).unsqueeze(0) if weights is None else weights
    return solve(torch.from_numpy(rows), targets, weights, c, start)


def theirs(rows: Any, positive: Any, c: float = 10.0, weights: Any = None) -> LogisticRegression:
    model = LogisticRegression(
        C=c, class_weight=None if weights is not None else "balanced", max_iter=100_000, tol=1e-10
    )
    return model.fit(rows.astype(np.float64), positive, weights)


@pytest.mark.parametrize(
    ("n", "dim", "rare"), [(20, 128, 1), (60, 512, 6), (300, 64, 20), (900, 2048, 30), (2000, 128, 200)]
)
@pytest.mark.parametrize("c", [0.1, 10.0])
def test_the_minimum_is_that_of_scikit_learn(n: int, dim: int, rare: int, c: float) -> None:
    rows, positive = problem(n, dim, rare)
    found, known = ours(rows, positive, c), theirs(rows, positive, c)
    weight = known.coef_[0]
    assert np.linalg.norm(found.weight.numpy()[0] - weight) < 1e-2 * np.linalg.norm(weight)
    logits = known.decision_function(rows.astype(np.float64))
    np.testing.assert_allclose(found.logits.numpy()[0], logits, atol=1e-2 * max(1, np.abs(logits).max()))
    assert 1 <= found.steps < 20


def test_labels_of_weight_zero_have_no_part() -> None:
    rows, positive = problem(120, 32, 30)
    kept = np.arange(120) % 3 != 0
    weights = np.where(kept, 1.0, 0.0)
    found = ours(rows, positive, weights=torch.from_numpy(weights.astype(np.float32)).unsqueeze(0))
    known = theirs(rows[kept], positive[kept], weights=np.ones(kept.sum()))
    np.testing.assert_allclose(found.weight.numpy(), known.coef_, atol=0.05)


def test_many_problems_at_once_have_the_solutions_of_each() -> None:
    rows, positive = problem(150, 48, 40)
    weights = torch.from_numpy(np.random.default_rng(3).exponential(size=(7, 150)).astype(np.float32))
    together = ours(rows, positive, weights=weights)
    for number in range(7):
        alone = ours(rows, positive, weights=weights[number : number + 1])
        torch.testing.assert_close(together.weight[number], alone.weight[0], atol=0.03, rtol=0.03)


def test_where_it_begins_does_not_matter() -> None:
    rows, positive = problem(200, 64, 25)
    cold = ours(rows, positive)
    weights = torch.from_numpy(np.random.default_rng(3).exponential(size=(1, 200)).astype(np.float32))
    far = ours(rows, ~positive, c=1000.0)
    for start in (cold, far):
        warm = ours(rows, positive, weights=weights, start=start)
        torch.testing.assert_close(warm.weight, ours(rows, positive, weights=weights).weight, atol=0.05, rtol=0.05)
    assert ours(rows, positive, start=cold).steps <= 1


def test_equal_problems_have_equal_bits() -> None:
    rows, positive = problem(400, 256, 40)
    assert torch.equal(ours(rows, positive).weight, ours(rows, positive).weight)


@pytest.mark.parametrize("c", [1e-6, 1e6])
def test_extreme_penalties_end_in_something_finite(c: float) -> None:
    rows, positive = problem(100, 16, 50)
    rows[:4] = rows[4]  # also of both classes
    found = ours(rows, positive, c)
    assert found.steps <= MOST_STEPS
    assert torch.isfinite(found.weight).all()
    assert torch.isfinite(found.logits).all()


def test_rows_of_zeros_alone_leave_the_bias() -> None:
    rows, positive = np.zeros((10, 4), dtype=np.float32), np.arange(10) < 3
    found = ours(rows, positive)
    assert not found.weight.any()
    assert float(found.bias.abs()) < 1e-3, "balanced: a half"
