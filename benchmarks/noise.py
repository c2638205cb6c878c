"""What wrong answers cost: ``python -m benchmarks.noise [--cifar FOLDER] [--only NAME]``.

"Ours" with 5 % of the answers wrong, and without. Once with every image asked about once, and once with second opinions as in a
run of several people: the loop's own choice of what to ask again, other people whose errors are their own, and every swipe
counted. Found are positives that were asked about and whose votes come to yes; all arms share the first answers, drawn as
simulated labels draw them. What is lost is told in parts of what is found without errors and without second opinions, with the
standard error of the paired differences.
"""

from __future__ import annotations

import argparse
from collections import Counter
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.labels.arms import LOGISTIC, Task, sampled, trained_with_folds
from benchmarks.labels.course import BATCH, LABELS, seed_set
from benchmarks.labels.pools import Pool, all_pools
from orchestrator.clients.labeler import Answer
from orchestrator.consensus import resolve
from orchestrator.labels import Labels
from orchestrator.opinions import ask_again, held_back, held_out, worth_a_third
from services.labeler.simulating import is_wrong
from services.trainer.logistic_training import Doubt

ERROR = 0.05
AGAIN = 0.5  # the loop's default where people label
PEOPLE = 3


class Asked(Task):
    """A pool, annotators who err, and their votes.

    Attributes:
        swipes: answers given, second opinions among them.
    """

    def __init__(self, pool: Pool, seed: int, error: float) -> None:
        super().__init__(pool, seed)
        self.error = error
        self.votes: dict[int, dict[str, Answer]] = {}
        self.again: Counter[int] = Counter()
        self.rounds: dict[int, int] = {}
        self._known: Labels | None = None

    @property
    def swipes(self) -> int:
        """How many answers were given."""
        return sum(map(len, self.votes.values()))

    def ask(self, item: int, number: int = 0) -> None:
        """The next person answers, in a round of that number."""
        votes = self.votes.setdefault(item, {})
        wrong = is_wrong(item, self.error, self.seed, f":{len(votes)}" if votes else "")
        if votes:
            self.again[item] += 1
        votes[f"person {len(votes)}"] = Answer.POSITIVE if self.pool.truth[item] != wrong else Answer.NEGATIVE
        if item not in self.labelled:
            self.labelled.append(item)
            self.rounds[item] = number
        self._known = None

    def labels(self) -> Labels:
        """As the loop sees them."""
        if self._known is None:
            self._known = self._resolved()
        return self._known

    def _resolved(self) -> Labels:
        disputed = {item for item, votes in self.votes.items() if len(set(votes.values())) > 1}
        return Labels(
            self.swipes, resolve(self.votes), self.rounds, self.votes, self.again, {}, {*self.again}, disputed
        )

    def training(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Items with a yes or a no, sorted, and which."""
        return self.labels().training()


def found(pool: Pool, seed: int, error: float, again: float = 0.0) -> float:
    """The share of all positives whose votes come to yes within 520 swipes; ``again`` is the share of second opinions."""
    task = Asked(pool, seed, error)
    for item in seed_set(pool, seed):
        task.ask(item)
    number = 0
    while task.swipes < LABELS:
        number += 1
        for item in _chosen(task, number, again)[: LABELS - task.swipes]:
            task.ask(item, number)
    said = task.labels().of(Answer.POSITIVE)
    return float(pool.truth[said].sum() / pool.truth.sum())


def _chosen(task: Asked, number: int, again: float) -> list[int]:
    """The second opinions and the new images of a round, as the loop chooses them."""
    labels = task.labels()
    if again:
        doubted, believed_from = held_back(labels, number)
        task.doubt = Doubt(np.array(doubted, dtype=np.uint64), believed_from)
    fitted = trained_with_folds(task, LOGISTIC)
    expected = {} if fitted.out_of_fold is None else held_out(labels, fitted.out_of_fold)
    asked = np.sort(np.array(task.labelled, dtype=np.uint64))
    items, scores = sampled("hybrid", LOGISTIC, task, number, BATCH, asked, fitted.head)
    worth = worth_a_third(scores, labels, BATCH)
    second = ask_again(labels, expected, ceil(again * BATCH), PEOPLE, scores, worth)
    return [*(int(pick.item) for pick in second), *items.tolist()]


ARMS = {  # share of wrong answers, and of second opinions
    "no errors": (0.0, 0.0),
    "no errors, second opinions": (0.0, AGAIN),
    "errors": (ERROR, 0.0),
    "errors, second opinions": (ERROR, AGAIN),
}


def cells(shares: NDArray[np.float64]) -> list[str]:
    """Of shares found [runs, arms]: the mean of each arm, and from the second on how much less than of the first."""
    first = shares[:, 0]
    told = [f"{first.mean():.3f}"]
    for arm in shares.T[1:]:
        less = (first - arm) / first.mean()
        told += [f"{arm.mean():.3f}", f"{less.mean():.1%} ± {less.std(ddof=1) / np.sqrt(len(less)):.1%}"]
    return told


def main() -> None:
    """Prints a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, help="folder of benchmarks.labels.cifar")
    parser.add_argument("--only", default="", help="data sets whose name begins so")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    columns = [name if place == 0 else f"{name} | less" for place, name in enumerate(ARMS)]
    print(f"| data | {' | '.join(columns)} |\n|{' --- |' * (2 * len(ARMS))}", flush=True)
    for name, pools in all_pools(asked.cifar):
        if name.startswith(asked.only):
            runs = [(pool, seed) for seed in (1, 2) for pool in pools]
            shares = np.array([[found(*run, *arm) for arm in ARMS.values()] for run in runs])
            print(f"| {name} | {' | '.join(cells(shares))} |", flush=True)


if __name__ == "__main__":
    main()
