"""The losses against their formulas, written out."""

from __future__ import annotations

import math

import pytest
import torch

from services.trainer.pretraining.objectives import SimCLR, SimSiam, negative_cosine, nt_xent


def test_nt_xent_is_the_formula_of_simclr() -> None:
    draw = torch.Generator().manual_seed(1)
    first, second = (torch.randn(4, 5, generator=draw) for _ in range(2))
    rows = [row / row.norm() for row in torch.cat([first, second])]
    total = 0.0
    for i in range(8):
        others = sum(math.exp(float(rows[i] @ rows[k]) / 0.5) for k in range(8) if k != i)
        total -= math.log(math.exp(float(rows[i] @ rows[(i + 4) % 8]) / 0.5) / others)
    assert nt_xent(first, second, 0.5).item() == pytest.approx(total / 8, rel=1e-5)


def test_nt_xent_is_small_where_views_agree_and_images_differ() -> None:
    apart = torch.eye(6)
    assert float(nt_xent(apart, apart, 0.1)) < 0.01 < 1 < float(nt_xent(apart, apart.roll(1, 0), 0.1))


def test_the_target_of_simsiam_gets_no_gradient() -> None:
    predicted, target = torch.ones(2, 3, requires_grad=True), torch.eye(3)[:2].requires_grad_()
    loss = negative_cosine(predicted, target)
    loss.backward()
    assert loss.item() == pytest.approx(-1 / math.sqrt(3), rel=1e-5)
    assert target.grad is None and predicted.grad is not None


@pytest.mark.parametrize("objective", [SimCLR(8, 0.2), SimSiam(8)])
def test_an_objective_gives_a_loss_that_reaches_the_embeddings(objective: torch.nn.Module) -> None:
    draw = torch.Generator().manual_seed(2)
    first, second = (torch.randn(6, 8, generator=draw, requires_grad=True) for _ in range(2))
    objective(first, second).backward()
    assert first.grad is not None and second.grad is not None
    assert bool(first.grad.abs().sum() > 0) and bool(second.grad.abs().sum() > 0)
