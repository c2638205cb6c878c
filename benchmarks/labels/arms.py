"""The arms: ways to go on from labels to the next batch, all from the same seed set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.labels.pools import Pool
from services.sampler.clusters import k_means
from services.sampler.registry import find_strategy
from services.sampler.selection import Around, select
from services.trainer.head_training import fit_head
from services.trainer.heads import Head, HeadShape
from services.trainer.logistic_training import Doubt, LogisticFit, fit_logistic
from services.trainer.parameters import Parameters
from services.trainer.scaling import sample_rows

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Items = NDArray[np.int64]
Scores = NDArray[np.float32]


class Task:
    """A pool with what is made of it once, and the labels so far.

    Attributes:
        labelled: items in the order in which they were labelled.
        doubt: what a logistic head shall not learn from yet.
    """

    def __init__(self, pool: Pool, seed: int) -> None:
        self.pool, self.seed = pool, seed
        self.present = np.ones(len(pool.truth), dtype=np.bool_)
        self.sample = sample_rows(pool.vectors, self.present)
        self.clusters = k_means(pool.vectors, self.present)
        self.labelled: list[int] = []
        self.doubt: Doubt | None = None

    def training(self) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Items sorted, as the loop sends them, and their answers."""
        items = np.sort(np.array(self.labelled, dtype=np.uint64))
        return items, self.pool.truth[items.astype(np.int64)]


Arm = Callable[[Task, int, int], tuple[Items, Scores]]


def score(task: Task, head: Head) -> Scores:
    """Probabilities of all items, as the trainer gives them."""
    with torch.inference_mode():
        scores: Scores = head(torch.from_numpy(task.pool.vectors)).sigmoid().numpy()
    return scores


def trained(task: Task, parameters: Parameters) -> Head:
    """A head on the labels so far, by the trainer's own function."""
    if parameters.kind == LOGISTIC.kind:
        return trained_with_folds(task, parameters).head
    items, positive = task.training()
    rows = np.ascontiguousarray(task.pool.vectors[items.astype(np.int64)])
    return fit_head(rows, (items, positive), parameters, None, task.sample).head


def trained_with_folds(task: Task, parameters: Parameters) -> LogisticFit:
    """A logistic head with its out-of-fold probabilities, in the order of `Task.training`."""
    items, positive = task.training()
    rows = np.ascontiguousarray(task.pool.vectors[items.astype(np.int64)])
    return fit_logistic(rows, (items, positive), parameters.c, task.doubt)


def sampled(
    strategy: str,
    parameters: Parameters,
    task: Task,
    number: int,
    count: int,
    asked: NDArray[np.uint64] | None = None,
    head: Head | None = None,
) -> tuple[Items, Scores]:
    """The head of ``parameters`` and one of our strategies, both by the services' own functions.

    Args:
        asked: items that are not asked about any more, sorted; those that are trained on, where nothing is given.
        head: one that was trained on the labels already.
    """
    scores = score(task, head or trained(task, parameters))
    labelled = task.training()
    around = Around(vectors=task.pool.vectors, labelled=labelled, clusters=lambda: task.clusters)
    rng = np.random.default_rng([task.seed, number])
    known = labelled[0] if asked is None else asked
    picks = select(find_strategy(strategy), scores, task.present, known, count, rng, around)
    return picks.items, scores


def as_shipped(task: Task, number: int, count: int) -> tuple[Items, Scores]:
    """The original: its head's training is thrown away, so a fresh head scores, and ``gaussian`` draws."""
    torch.manual_seed(task.seed * 1000 + number)
    scores = score(task, Head(HeadShape("SSLEvaluatorOneLayer", task.pool.vectors.shape[1], 128, 0.1)).eval())
    rng = np.random.default_rng([task.seed, number])
    chosen = select(find_strategy("gaussian"), scores, task.present, task.training()[0], count, rng)
    return chosen.items, scores


def of_library(query: Callable[[NDArray[np.float32], Items, NDArray[np.bool_], int, int], Items]) -> Arm:
    """Another library's query, told (unit vectors, labelled items, answers, count, seed)."""

    def arm(task: Task, number: int, count: int) -> tuple[Items, Scores]:
        vectors = task.pool.vectors
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        items, positive = task.training()
        chosen = query(unit, items.astype(np.int64), positive, count, task.seed * 1000 + number)
        return chosen, score(task, trained(task, LOGISTIC))

    return arm


def modal(unit: NDArray[np.float32], items: Items, positive: NDArray[np.bool_], count: int, seed: int) -> Items:
    """modAL: uncertainty sampling with a balanced logistic regression."""
    from modAL.models import ActiveLearner
    from modAL.uncertainty import uncertainty_sampling

    free = np.setdiff1d(np.arange(len(unit)), items)
    learner = ActiveLearner(_regression(), uncertainty_sampling, unit[items], positive)
    chosen = learner.query(unit[free], n_instances=count)[0]
    return free[np.asarray(chosen, dtype=np.int64)]


def activeml(unit: NDArray[np.float32], items: Items, positive: NDArray[np.bool_], count: int, seed: int) -> Items:
    """scikit-activeml: uncertainty sampling (entropy) with a balanced logistic regression."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling

    answers = np.full(len(unit), np.nan)
    answers[items] = positive
    classifier = SklearnClassifier(_regression(), classes=[0, 1])
    query = UncertaintySampling(method="entropy", random_state=seed)
    return np.asarray(query.query(unit, answers, classifier, batch_size=count), dtype=np.int64)


def _regression() -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10, class_weight="balanced", max_iter=500)


LOGISTIC = Parameters(kind="logistic")
INTENDED = Parameters(kind="SSLEvaluatorOneLayer", lr=0.05, weight_decay=1e-6, final_lr=1e-6)
OURS = "ours"
ARMS: dict[str, Arm] = {
    "random": partial(sampled, "random", LOGISTIC),
    "original as shipped": as_shipped,
    "original as intended": partial(sampled, "uncertainty", INTENDED),
    "balanced LR, most likely": partial(sampled, "positive", LOGISTIC),
    "modAL, uncertainty": of_library(modal),
    "scikit-activeml, entropy": of_library(activeml),
    OURS: partial(sampled, "hybrid", LOGISTIC),
}
PACKAGES = {"modAL, uncertainty": "modAL", "scikit-activeml, entropy": "skactiveml"}  # modAL-python, scikit-activeml
SLOW = ("original as intended",)  # one seed for each class
