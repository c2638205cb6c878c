"""Labels and embeddings to a logistic head, with the probability that heads which have not seen a label give it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.errors import InvalidInputError
from services.trainer.calibration import Calibration, platt, prior_only
from services.trainer.folds import folds_of
from services.trainer.heads import LOGISTIC, Head, HeadShape, bent
from services.trainer.labelled import Labels
from services.trainer.logistic import Solution, balanced, solve
from services.trainer.quality import Outcome, Quality, measure
from services.trainer.twins import twins

SHORTEST, LONGEST = 1e-18, 1e18  # embeddings whose squares float32 holds


_LEFT = 2  # positives that a head needs besides those that are held back


@dataclass(frozen=True)
class Doubt:
    """Yes answers that are held back until somebody else has answered: a head goes a long way for a positive that stands alone.

    Attributes:
        items: uint64 [k], whose yes is doubted.
        believed_from: the out-of-fold probability from which on such a yes is learned from all the same.
    """

    items: NDArray[np.uint64]
    believed_from: float

    def __post_init__(self) -> None:
        if not 0 <= self.believed_from < 1:
            raise InvalidInputError(
                f"believed_from is {self.believed_from:g}; it is a probability from 0 (nothing is held back) to below 1"
            )

    def kept(self, labels: Labels, out_of_fold: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the labels are learned from, bool [n]; all of them, where fewer than two positives would be left."""
        items, positive = labels
        low = out_of_fold.astype(np.float64) < self.believed_from  # as whoever reads the probabilities compares
        held_back = positive & low & np.isin(items, self.items)
        return ~held_back if (positive & ~held_back).sum() >= _LEFT else np.ones(len(items), dtype=np.bool_)


@dataclass(frozen=True)
class LogisticFit:
    """A head, its quality on out-of-fold predictions, and these: probabilities float32 [n], or None without folds.

    ``held_back`` counts labels that the head has not learned from; they are judged like all others.
    """

    head: Head
    outcome: Outcome
    out_of_fold: NDArray[np.float32] | None
    held_back: int = 0


def fit_logistic(rows: NDArray[np.float32], labels: Labels, c: float, doubt: Doubt | None = None) -> LogisticFit:
    """The balanced logistic regression of embeddings [n, dim], calibrated.

    Validation and ``out_of_fold`` come from five folds (fewer where a class has fewer labels; none where one has fewer than two,
    twins counted once): each label's logit from a head without its fold, calibrated by the logits of the other folds. The head
    itself learns from all labels, and its calibration from all out-of-fold logits; but for those that ``doubt`` holds back.

    Where all labels agree there is nothing to separate: the head then ranks by likeness to their mean.

    Raises:
        InvalidInputError: when an embedding is too long or too short for float32.
    """
    unit, targets = unit_rows(rows, labels), torch.from_numpy(labels[1].astype(np.float32))
    if labels[1].all() or not labels[1].any():
        return LogisticFit(_one_class(unit, bool(labels[1][0]), c), Outcome(1, Quality()), None)
    solution = solve(unit, targets, balanced(targets).unsqueeze(0), c)
    folds = folds_of(*labels, groups=twins(rows))
    if not len(folds):
        head = head_of(solution.weight[0], solution.bias[0], prior_only(labels[1]))
        return LogisticFit(head, Outcome(max(1, solution.steps), Quality()), None)
    held_out = out_of_fold_logits(unit, targets, folds, c, solution)
    judged = torch.from_numpy(cross_calibrated(held_out, labels[1], folds))
    outcome = Outcome(max(1, solution.steps), measure(judged, targets))
    chances = judged.sigmoid().numpy()
    kept = np.ones(len(targets), dtype=np.bool_) if doubt is None else doubt.kept(labels, chances)
    if not kept.all():
        weights = _without(targets, torch.from_numpy(~kept)).unsqueeze(0)
        solution = solve(unit, targets, weights, c, solution)
    head = head_of(solution.weight[0], solution.bias[0], platt(held_out[kept], labels[1][kept]))
    return LogisticFit(head, outcome, chances, int((~kept).sum()))


def unit_rows(rows: NDArray[np.float32], labels: Labels) -> Tensor:
    """Embeddings [n, dim] at unit length, float32; zeros stay zeros.

    Raises:
        InvalidInputError: when the length of one is beyond 1e18, or below 1e-18 and not 0.
    """
    exact = rows.astype(np.float64)
    lengths = np.sqrt((exact * exact).sum(axis=1))
    wrong = (lengths > LONGEST) | ((lengths < SHORTEST) & (lengths > 0))
    if wrong.any():
        raise InvalidInputError(
            f"the embedding of item {labels[0][wrong][0]} has a length of {lengths[wrong][0]:.2g}, which float32 cannot work"
            " with; use another encoder"
        )
    return torch.from_numpy((exact / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32))


def out_of_fold_logits(
    unit: Tensor, targets: Tensor, folds: NDArray[np.int64], c: float, start: Solution | None = None
) -> NDArray[np.float64]:
    """The logit [n] of each label by the regression on all folds but its own, not calibrated."""
    held = torch.from_numpy(folds[None] == np.arange(folds.max() + 1)[:, None])  # [folds, n]
    weights = torch.stack([_without(targets, out) for out in held])
    logits = solve(unit, targets, weights, c, start).logits.numpy()
    return logits[folds, np.arange(len(folds))].astype(np.float64)


def _without(targets: Tensor, out: Tensor) -> Tensor:
    weights = torch.zeros_like(targets)
    weights[~out] = balanced(targets[~out])
    return weights


def cross_calibrated(
    logits: NDArray[np.float64], positive: NDArray[np.bool_], folds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Out-of-fold logits [n], those of each fold calibrated by the others: no label has a part in its own probability."""
    judged = np.empty(len(logits), dtype=np.float32)
    for fold in range(int(folds.max()) + 1):
        inside = folds == fold
        judged[inside] = platt(logits[~inside], positive[~inside]).apply(logits[inside])
    return bent(torch.from_numpy(judged)).numpy()


def head_of(weight: Tensor, bias: Tensor, calibration: Calibration) -> Head:
    """The head with these weights [dim] and this bias, in evaluation mode."""
    head = Head(HeadShape(LOGISTIC, len(weight), 0, 0.0))
    with torch.no_grad():
        head.linear.weight.copy_(weight)
        head.linear.bias.copy_(bias.view(1))
        head.slope.fill_(calibration.slope)
        head.offset.fill_(calibration.offset)
    return head.eval()


def likeness(unit: Tensor, weights: Tensor, positive: bool, c: float) -> tuple[Tensor, Tensor]:
    """For labels that all agree: weights [k, dim] towards (or away from) their mean and biases [k].

    The n labels themselves get (n + 1) / (n + 2) on the average (Laplace's rule). ``weights`` [k, n] says what each counts.
    """
    side = 1.0 if positive else -1.0
    towards = side * c * (weights / weights.sum(1, keepdim=True)) @ unit
    return towards, side * math.log(len(unit) + 1) - (towards @ unit.t()).mean(1)


def _one_class(unit: Tensor, positive: bool, c: float) -> Head:
    weight, bias = likeness(unit, torch.ones(1, len(unit)), positive, c)
    return head_of(weight[0], bias[0], Calibration())
