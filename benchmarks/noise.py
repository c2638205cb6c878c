"""What wrong answers cost: ``python -m benchmarks.noise``. The arm "ours" with 5 % of the answers wrong, beside itself without.

Found counts positives that were asked about and answered with yes; the wrong answers are the same for both halves of a pair,
drawn as simulated labels draw them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.labels.arms import ARMS, Task
from benchmarks.labels.course import BATCH, LABELS, seed_set
from benchmarks.labels.pools import CLASSES, Pool, digits, synthetic
from services.labeler.desk import is_wrong

ERROR = 0.05


class Noisy(Task):
    """A pool whose annotator errs."""

    def __init__(self, pool: Pool, seed: int, error: float) -> None:
        super().__init__(pool, seed)
        wrong = np.array([is_wrong(item, error, seed) for item in range(len(pool.truth))])
        self.said: NDArray[np.bool_] = pool.truth ^ wrong

    def training(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Items sorted and what the annotator said."""
        items = np.sort(np.array(self.labelled, dtype=np.uint64))
        return items, self.said[items.astype(np.int64)]


def found(pool: Pool, seed: int, error: float) -> float:
    """The share of all positives that were asked about and got a yes within 520 labels."""
    task = Noisy(pool, seed, error)
    task.labelled = seed_set(pool, seed)
    number = 0
    while len(task.labelled) < LABELS:
        number += 1
        task.labelled += ARMS["ours"](task, number, BATCH)[0].tolist()
    return float((pool.truth & task.said)[task.labelled].sum() / pool.truth.sum())


def main() -> None:
    """Prints a line for each data set."""
    torch.set_num_threads(1)
    sets = [
        [synthetic(modes, size, share, number) for number in range(CLASSES)]
        for modes in (1, 4)
        for size, share in ((20_000, 0.01), (10_000, 0.002))
    ]
    for pools in [*sets, [digits(number) for number in range(CLASSES)]]:
        pairs = [(found(pool, seed, 0.0), found(pool, seed, ERROR)) for seed in (1, 2) for pool in pools]
        clean, noisy = np.mean(pairs, axis=0)
        name = pools[0].name
        print(
            f"{name:<16} found {clean:.3f}, with {ERROR:.0%} wrong answers {noisy:.3f}: {1 - noisy / clean:.1%} less",
            flush=True,
        )


if __name__ == "__main__":
    main()
