"""Parameters of a training: ranges, and the schedules against torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from protos.errors import InvalidInputError
from services.trainer.parameters import Parameters


def rates(scheduler: Any, optimizer: torch.optim.Optimizer, epochs: int) -> list[float]:
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    expected = rates(torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12, eta_min=0.01), optimizer, 12)
    parameters = Parameters(lr=0.1, final_lr=0.01, epochs=12)
    assert [parameters.lr_at(epoch, 0.1) for epoch in range(12)] == pytest.approx(expected)
    assert parameters.lr_at(6, 0.01) == pytest.approx(expected[6] / 10)


def test_step_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    expected = rates(torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5], gamma=0.5), optimizer, 8)
    parameters = Parameters(lr=0.1, scheduler="step", gamma=0.5, decay_epochs=(5, 3), epochs=8)
    assert [parameters.lr_at(epoch, 0.1) for epoch in range(8)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"kind": "Linear"}, "'Linear'"),
        ({"dropout": 1.5}, "1.5"),
        ({"lr": 0.0}, "learning rate of 0 "),
        ({"lr": float("nan")}, "learning rate of nan"),
        ({"lr": float("inf")}, "learning rate of inf"),
        ({"momentum": 1.0}, "momentum of 1"),
        ({"weight_decay": -1e-4}, "weight decay of -0.0001"),
        ({"final_lr": -1.0}, "final learning rate of -1"),
        ({"gamma": -0.5}, "gamma of -0.5"),
        ({"epochs": 0}, "number of epochs of 0"),
        ({"batch_size": 0}, "batch size of 0"),
        ({"validation_share": 1.0}, "validation share of 1"),
        ({"encoder_lr": float("nan")}, "encoder's learning rate of nan"),
        ({"lr": 1e300}, "learning rate of 1e\\+300"),
        ({"final_lr": 1e300}, "final learning rate of 1e\\+300"),
        ({"gamma": 1e300}, "gamma of 1e\\+300"),
        ({"epochs": 2**32 - 1}, "number of epochs"),
        ({"threads": 2**32 - 1}, "number of threads"),
        ({"scheduler": "linear"}, "'linear'; it takes cosine or step"),
    ],
)
def test_values_out_of_range_are_named(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        Parameters(**wrong)


def test_rates_that_grow_stay_numbers_that_torch_takes() -> None:
    steps = Parameters(scheduler="step", gamma=999.0, decay_epochs=tuple(range(1000)), epochs=1000)
    assert steps.lr_at(999, 0.1) == 3e38
    assert Parameters(lr=1e-300, final_lr=1e8, epochs=2).lr_at(1, 1.0) <= 3e38


def test_equal_parameters_have_equal_text() -> None:
    assert Parameters(decay_epochs=(1, 2)).as_json() == Parameters(decay_epochs=(1, 2)).as_json()
    assert Parameters(seed=1).as_json() != Parameters(seed=2).as_json()
