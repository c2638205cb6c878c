"""Balanced logistic regression, solved to its optimum: many weightings of the same labels at a time.

The objective is that of scikit-learn's ``LogisticRegression(C=c, class_weight="balanced")``, the intercept free:

    |w|^2 / 2 + c * sum_i s_i * log(1 + exp(-y_i (w . x_i + b)))

It is convex and smooth, so Newton's method with conjugate gradients for the steps (C.-J. Lin et al., "Trust region Newton method
for large-scale logistic regression", JMLR 2008, with a line search for the trust region) finds the one minimum in a handful of
steps. The intercept is eliminated from each step exactly. Folds and bootstrap samples differ only in ``s``: they are rows
of one matrix product, [k, dim] x [dim, n], which costs little more than one of them.

float32 throughout. The penalty makes the objective strongly convex with modulus 1, so a gradient of norm g proves that the
weights are within g of the minimum: it stops when that is a hundredth of their norm, and is mostly much nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

TOLERANCE = 1e-2  # the gradient's norm in parts of the weights'
DIGITS = 1e-6  # of a gradient in float32, in parts of its norm at zero
MOST_STEPS = 50
MOST_INNER = 200  # conjugate gradients in a step
MOST_HALVINGS = 20


@dataclass(frozen=True)
class Solution:
    """The minima: ``weight`` float32 [k, dim], ``bias`` float32 [k], logits of the labels float32 [k, n], Newton steps."""

    weight: Tensor
    bias: Tensor
    logits: Tensor
    steps: int


@dataclass(frozen=True)
class _Problem:
    """Rows [n, dim], targets [n] of 0 and 1, and c times the weight of each label in each problem [k, n]."""

    rows: Tensor
    targets: Tensor
    strength: Tensor

    def objective(self, weight: Tensor, logits: Tensor) -> Tensor:
        losses = functional.softplus(logits) - self.targets * logits
        return (self.strength * losses).sum(1) + (weight * weight).sum(1) / 2


@dataclass(frozen=True)
class _Step:
    """A direction: of the weights [k, dim], of the biases [k], of the logits [k, n]; and the objective's slope along it."""

    weight: Tensor
    bias: Tensor
    logits: Tensor
    slope: Tensor


def balanced(targets: Tensor) -> Tensor:
    """The weight of each label, [n]: both classes weigh as much as half the labels (``class_weight="balanced"``)."""
    positives = targets.sum()
    return len(targets) / 2 / torch.where(targets > 0.5, positives, len(targets) - positives)


def solve(rows: Tensor, targets: Tensor, weights: Tensor, c: float, start: Solution | None = None) -> Solution:
    """Solves k problems on the same rows.

    Args:
        rows: float32 [n, dim], of unit length.
        targets: float32 [n] of 0 and 1.
        weights: s, float32 [k, n]; 0 leaves a label out. Each problem needs labels of both classes.
        c: inverse strength of the penalty.
        start: where to begin, of one problem or of k; the minimum is the same.
    """
    with torch.inference_mode():
        problem = _Problem(rows, targets, weights * c)
        weight, bias = rows.new_zeros(len(weights), rows.shape[1]), rows.new_zeros(len(weights), 1)
        logits = rows.new_zeros(weights.shape)
        first = _norm(*_gradient(problem, weight, logits)).clamp_min(1e-30)
        if start is not None:
            weight, bias, logits = _better(problem, start, weight, logits)
        return _newton(problem, weight, bias, logits, first)


def _better(problem: _Problem, start: Solution, weight: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``start`` for the problems where it is nearer than zero: from far away Newton's steps can be of no use."""
    there = (weight + start.weight) @ problem.rows.t() + start.bias.view(-1, 1)
    nearer = problem.objective(weight + start.weight, there) < problem.objective(weight, logits)
    chosen = nearer.unsqueeze(1)
    return torch.where(chosen, start.weight, weight), torch.where(chosen, start.bias.view(-1, 1), 0.0), there * chosen


def _newton(problem: _Problem, weight: Tensor, bias: Tensor, logits: Tensor, first: Tensor) -> Solution:
    value = problem.objective(weight, logits)
    steps, live = 0, torch.ones_like(value, dtype=torch.bool)
    while steps < MOST_STEPS:
        gradient = _gradient(problem, weight, logits)
        remaining = _norm(*gradient)
        live = live & (remaining > torch.maximum(DIGITS * first, TOLERANCE * weight.norm(dim=1)))
        if not live.any():
            break
        step = _direction(problem, logits, gradient, remaining / first, live)
        length, value = _line_search(problem, weight, logits, value, step, live)
        live = live & (length > 0)  # at the end of float32's digits
        factor = length.unsqueeze(1)
        weight, bias = weight + factor * step.weight, bias + factor * step.bias.unsqueeze(1)
        logits = logits + factor * step.logits
        steps += 1
    return Solution(weight, bias.squeeze(1), logits, steps)


def _gradient(problem: _Problem, weight: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    residual = problem.strength * (logits.sigmoid() - problem.targets)
    return residual @ problem.rows + weight, residual.sum(1)


def _norm(weight: Tensor, bias: Tensor) -> Tensor:
    return ((weight * weight).sum(1) + bias * bias).sqrt()


def _direction(
    problem: _Problem, logits: Tensor, gradient: tuple[Tensor, Tensor], remaining: Tensor, live: Tensor
) -> _Step:
    """Newton's direction, roughly at first and more exactly near the end; zero where a problem is solved."""
    chance = logits.sigmoid()
    curvature = problem.strength * chance * (1 - chance)
    whole = curvature.sum(1, keepdim=True).clamp_min(1e-30)
    share = curvature / whole
    of_weight, of_bias = gradient
    target = (share * of_bias.unsqueeze(1)) @ problem.rows - of_weight  # the bias eliminated
    exactness = torch.minimum(remaining.sqrt(), torch.full_like(remaining, 0.3))
    step, moved = _conjugate(problem, curvature, share, target, torch.where(live, exactness, torch.inf))
    of_logits = moved - (share * moved).sum(1, keepdim=True) - of_bias.unsqueeze(1) / whole
    bias = (of_logits - moved)[:, 0]
    return _Step(step, bias, of_logits, (of_weight * step).sum(1) + of_bias * bias)


def _conjugate(
    problem: _Problem, curvature: Tensor, share: Tensor, target: Tensor, exactness: Tensor
) -> tuple[Tensor, Tensor]:
    """Conjugate gradients: the solution v [k, dim] of (I + X' C X) v = target with centred X, and X v [k, n]."""
    rows, columns = problem.rows, problem.rows.t()
    step, moved = torch.zeros_like(target), torch.zeros_like(curvature)
    residual, search = target, target
    size = (residual * residual).sum(1, keepdim=True)
    enough = size * exactness.unsqueeze(1) ** 2
    for _ in range(MOST_INNER):
        active = size > enough
        if not active.any():
            break
        seen = search @ columns
        pressed = search + (curvature * (seen - (share * seen).sum(1, keepdim=True))) @ rows
        length = torch.where(active, size / (search * pressed).sum(1, keepdim=True), 0.0)
        step, moved = step + length * search, moved + length * seen
        residual = residual - length * pressed
        after = (residual * residual).sum(1, keepdim=True)
        search = residual + torch.where(active, after / size, 0.0) * search
        size = torch.where(active, after, 0.0)
    return step, moved


def _line_search(
    problem: _Problem, weight: Tensor, logits: Tensor, value: Tensor, step: _Step, live: Tensor
) -> tuple[Tensor, Tensor]:
    """How far to go, [k]: the first of 1, 1/2, 1/4 ... with a sufficient decrease (Armijo), 0 where there is none."""
    length = live.to(value.dtype)
    for _ in range(MOST_HALVINGS):
        factor = length.unsqueeze(1)
        tried = problem.objective(weight + factor * step.weight, logits + factor * step.logits)
        worse = (tried > value + 1e-4 * length * step.slope + 1e-6 * value) & (length > 0)
        if not worse.any():
            return length, torch.where(length > 0, tried, value)
        length = torch.where(worse, length / 2, length)
    length = torch.where(worse, 0.0, length)
    return length, torch.where(length > 0, tried, value)
