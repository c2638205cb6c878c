"""How good predictions are, against labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 0.5  # of the probability, as the original decides


@dataclass(frozen=True)
class Quality:
    """Quality on a validation split; not-a-number where it is undefined (nothing predicted positive, no labels...)."""

    f1: float = math.nan
    precision: float = math.nan
    accuracy: float = math.nan
    recall: float = math.nan
    loss: float = math.nan
    images: int = 0


@dataclass(frozen=True)
class Outcome:
    """The epoch that was kept (counted from 1), and its quality on the validation split."""

    best_epoch: int
    quality: Quality


def measure(logits: Tensor, targets: Tensor) -> Quality:
    """Quality of logits float32 [n] against targets float32 [n] of 0 and 1; loss is the mean binary cross entropy."""
    if len(targets) == 0:
        return Quality()
    predicted, actual = logits.sigmoid() >= THRESHOLD, targets > 0.5
    hits = int((predicted & actual).sum())
    misses, false_alarms = int(actual.sum()) - hits, int(predicted.sum()) - hits
    return Quality(
        f1=_ratio(2 * hits, 2 * hits + misses + false_alarms),
        precision=_ratio(hits, hits + false_alarms),
        accuracy=_ratio(int((predicted == actual).sum()), len(targets)),
        recall=_ratio(hits, hits + misses),
        loss=float(functional.binary_cross_entropy_with_logits(logits, targets)),
        images=len(targets),
    )


def is_alive(logits: Tensor) -> bool:
    """Whether the outputs are finite and not all the same."""
    return bool(torch.isfinite(logits).all()) and (len(logits) < 2 or bool(logits.max() - logits.min() > 1e-6))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
