"""Logits to honest probabilities: Platt scaling on predictions for labels that the head has not seen.

A head that is trained balanced believes in a half of positives; the share of the labels, and how sure the head may be, come
back with ``probability = sigmoid(slope * logit + offset)``, fitted to out-of-fold logits and the labels as they are (J. Platt,
1999, with his smoothed targets; H.-T. Lin et al., "A note on Platt's probabilistic outputs", 2007). The slope is positive: no
ranking changes. Not corrected is that labels are chosen: of what was asked about more is positive than of the pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SLOPE, MOST_SLOPE = 0.1, 20.0
MOST_STEPS = 100
FEW = 3  # labels of a class; with fewer a slope cannot be told


@dataclass(frozen=True)
class Calibration:
    """What is done to a logit: ``slope * logit + offset``; the slope is within 0.1 and 20."""

    slope: float = 1.0
    offset: float = 0.0

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated logits [n] of logits [n]."""
        return self.slope * logits + self.offset


def prior_only(positive: NDArray[np.bool_]) -> Calibration:
    """The balanced prior of a half replaced by the smoothed share of positives among the labels, bool [n]."""
    positives = int(positive.sum())
    return Calibration(1.0, math.log((positives + 1) / (len(positive) - positives + 1)))


def platt(logits: NDArray[np.float64], positive: NDArray[np.bool_]) -> Calibration:
    """The calibration that fits out-of-fold logits float64 [n] to labels bool [n] best.

    With fewer than three labels of a class only the prior is corrected. Where the best slope is out of bounds, it is the best
    one within: logits that rank the wrong way round get the least slope, and nearly the share of positives for every image.
    """
    positives = int(positive.sum())
    if min(positives, len(positive) - positives) < FEW:
        return prior_only(positive)
    smoothed = np.where(positive, (positives + 1) / (positives + 2), 1 / (len(positive) - positives + 2))
    unit = float(np.abs(logits).max()) or 1.0  # Newton's steps from a slope of zero are good ones on logits up to 1
    slope, offset = _newton(logits / unit, smoothed, None)
    if not LEAST_SLOPE <= slope / unit <= MOST_SLOPE:  # the loss is convex: the best slope within lies on the bound
        slope = unit * (LEAST_SLOPE if slope / unit < LEAST_SLOPE else MOST_SLOPE)
        slope, offset = _newton(logits / unit, smoothed, slope)
    return Calibration(slope / unit, offset)


def _newton(logits: NDArray[np.float64], targets: NDArray[np.float64], fixed: float | None) -> tuple[float, float]:
    """Slope and offset of the lowest cross entropy; the slope is ``fixed`` where one is given."""
    free = np.array([fixed is None, True])
    inputs = np.stack([logits, np.ones_like(logits)])
    share = targets.mean()
    found = np.array([0.0 if fixed is None else fixed, math.log(share / (1 - share))])
    loss = _loss(found @ inputs, targets)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(found @ inputs, -500, 500)))
        gradient = inputs @ (chance - targets) * free
        if np.abs(gradient).max() < 1e-7 * len(targets):
            break
        curvature = (inputs * (chance * (1 - chance))) @ inputs.T * np.outer(free, free)
        curvature += np.diag(np.where(free, 1e-9, 1.0))
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while (tried := _loss((found - length * step) @ inputs, targets)) > loss and length > 1e-9:
            length /= 2
        if length <= 1e-9:
            break
        found, loss = found - length * step, tried
    return float(found[0]), float(found[1])


def _loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).sum())
