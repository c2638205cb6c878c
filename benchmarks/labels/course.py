"""One run: a seed set, and then batch after batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.labels.arms import Arm, Items, Scores, Task
from benchmarks.labels.pools import Pool

SEEDS, NEAR, BATCH, LABELS = 20, 16, 20, 520
CURATED = 100  # labels after which the curated set is judged, besides at the end


@dataclass(frozen=True)
class Course:
    """What a run found.

    Attributes:
        found: share of all positives after 20, 40, ... labels.
        precision, recall: of the curated set after 100 labels and at the end, by labels and else a probability of 0.5.
    """

    found: list[float]
    precision: tuple[float, float]
    recall: tuple[float, float]

    @property
    def labels(self) -> int:
        """How many labels there are at the end."""
        return SEEDS + BATCH * (len(self.found) - 1)

    def labels_to(self, share: float) -> float:
        """Labels until that share was found; infinite when it never was."""
        reached = [number for number, found in enumerate(self.found) if found >= share - 1e-9]
        return SEEDS + BATCH * reached[0] if reached else float("inf")


def seed_set(pool: Pool, seed: int) -> list[int]:
    """As a run begins: 16 neighbours of one positive image, itself among them, and 4 others by lot."""
    rng = np.random.default_rng([seed, 1])
    reference = rng.choice(np.flatnonzero(pool.truth))
    distances = ((pool.vectors - pool.vectors[reference]) ** 2).sum(axis=1)
    near = np.argsort(distances, kind="stable")[:NEAR]
    others = rng.choice(np.setdiff1d(np.arange(len(pool.truth)), near), SEEDS - NEAR, replace=False)
    return [*near.tolist(), *others.tolist()]


def run(task: Task, arm: Arm, labels: int = LABELS) -> Course:
    """From the seed set to so many labels, every one of them counted."""
    truth, total = task.pool.truth, int(task.pool.truth.sum())
    task.labelled = seed_set(task.pool, task.seed)
    found, curated = [], []
    number = 0
    while True:
        number += 1
        found.append(int(truth[task.labelled].sum()) / total)
        items, scores = arm(task, number, BATCH)
        if len(task.labelled) in (CURATED, labels):
            curated.append(_curated(task, scores))
        if len(task.labelled) >= labels:
            return Course(found, (curated[0][0], curated[1][0]), (curated[0][1], curated[1][1]))
        task.labelled += _checked(items, task)


def _checked(items: Items, task: Task) -> list[int]:
    chosen: list[int] = items.tolist()
    assert len(set(chosen)) == BATCH
    assert not set(chosen) & set(task.labelled)
    return chosen


def _curated(task: Task, scores: Scores) -> tuple[float, float]:
    truth = task.pool.truth
    accepted = scores >= 0.5
    accepted[task.labelled] = truth[task.labelled]
    right = int((accepted & truth).sum())
    return right / max(1, int(accepted.sum())), right / int(truth.sum())
