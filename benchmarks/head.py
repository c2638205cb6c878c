"""The logistic head against scikit-learn's, balanced as well, quality and time in one run: ``python -m benchmarks.head``.

For each number of labels both learn the same labels, three draws of them, and judge 5,000 other rows. Ours is timed twice: the
regression alone, and as ``TrainHead`` does it, with five folds and calibration. One thread; the median of the draws, each the
best of three. Data, 512 numbers each: "synthetic" has a class of four modes, a tenth of all; "digits" is the handwritten eight
among scikit-learn's digits, moved, noisy, and seen through random ReLU units as an encoder might.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from services.trainer.logistic import balanced, solve
from services.trainer.logistic_training import fit_logistic, unit_rows

COUNTS = (20, 50, 100, 200, 500, 1000, 2000, 5000)
DIM = 512
JUDGED = 5000
T = TypeVar("T")
Data = tuple[NDArray[np.float32], NDArray[np.bool_]]


def main() -> None:
    """Prints a table in Markdown."""
    torch.set_num_threads(1)
    print("| data | labels | AP ours | AP sklearn | AUC ours | AUC sklearn | ours, ms | with folds, ms | sklearn, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, data in (("synthetic", synthetic(0)), ("digits", digits(0))):
        for count in COUNTS:
            draws = np.array([compare(data, count, seed) for seed in range(3)])
            found = np.median(draws, axis=0)
            quality, times = (
                " | ".join(f"{value:.4f}" for value in found[:4]),
                " | ".join(f"{t:.1f}" for t in found[4:]),
            )
            print(f"| {name} | {count} | {quality} | {times} |", flush=True)


def synthetic(seed: int) -> Data:
    """10,000 rows of 512 numbers, a tenth of them in four modes of their own."""
    rng = np.random.default_rng(seed)
    positive = rng.random(2 * JUDGED) < 0.1
    spread = 1 / np.sqrt(np.arange(1, DIM + 1))
    rows = rng.normal(size=(len(positive), DIM)) * spread + 0.1
    modes = rng.normal(size=(4, DIM)) * spread * 0.6
    rows[positive] += modes[rng.integers(0, 4, positive.sum())]
    return rows.astype(np.float32), positive


def digits(seed: int) -> Data:
    """10,000 pictures of digits through 512 random units; eights are positive."""
    rng = np.random.default_rng(seed)
    images, names = load_digits(return_X_y=True)
    chosen = rng.integers(0, len(images), 2 * JUDGED)
    moved = [np.roll(images[row].reshape(8, 8), rng.integers(-1, 2, 2), (0, 1)).ravel() for row in chosen]
    noisy = np.stack(moved) / 16 + rng.normal(size=(len(chosen), 64)) * 0.15
    rows = np.maximum(noisy @ rng.normal(size=(64, DIM)) / 8 + rng.normal(size=DIM) * 0.2, 0)
    return rows.astype(np.float32), names[chosen] == 8


def compare(data: Data, count: int, seed: int) -> list[float]:
    """AP and AUC of both on the judged half, and the milliseconds of the regression, of the head with folds, of scikit-learn."""
    rows, positive = data
    order = np.random.default_rng(seed).permutation(JUDGED)
    sure = order[positive[order]][:2]  # a class of none cannot be learnt
    learned = np.sort(np.concatenate([sure, order[~np.isin(order, sure)][: count - 2]]))
    labels = (learned.astype(np.uint64), positive[learned])
    unit, truth = unit_rows(rows[learned], labels), positive[JUDGED:]
    judged = unit_rows(rows[JUDGED:], (np.arange(JUDGED, dtype=np.uint64), truth)).numpy()
    targets = torch.from_numpy(labels[1].astype(np.float32))
    ours, first = timed(lambda: solve(unit, targets, balanced(targets).unsqueeze(0), 10.0))
    _, whole = timed(lambda: fit_logistic(rows[learned], labels, 10.0))
    model = LogisticRegression(C=10, class_weight="balanced", max_iter=1000)
    theirs, last = timed(lambda: model.fit(unit.numpy(), labels[1]))
    arms = judged @ ours.weight[0].numpy(), theirs.decision_function(judged)
    qualities = [measure(truth, arm) for measure in (average_precision_score, roc_auc_score) for arm in arms]
    return [*qualities, first, whole, last]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and its milliseconds: the best of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = work()
        times.append(1000 * (time.perf_counter() - start))
    return result, min(times)


if __name__ == "__main__":
    main()
