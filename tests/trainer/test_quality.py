"""Quality numbers against hand-made cases."""

from __future__ import annotations

import math

import pytest
import torch

from services.trainer.quality import is_alive, measure


def test_the_usual_numbers() -> None:
    quality = measure(torch.tensor([2.0, 1.0, -1.0, -2.0, 0.5]), torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]))
    assert quality.precision == pytest.approx(2 / 3)
    assert quality.recall == pytest.approx(2 / 3)
    assert quality.f1 == pytest.approx(2 / 3)
    assert quality.accuracy == pytest.approx(3 / 5)
    assert quality.images == 5
    expected = sum(math.log1p(math.exp(-z)) for z in (2.0, -1.0, -1.0, 2.0, 0.5)) / 5
    assert quality.loss == pytest.approx(expected, rel=1e-5)


def test_a_probability_of_exactly_one_half_is_positive() -> None:
    assert measure(torch.tensor([0.0]), torch.tensor([1.0])).recall == 1


def test_undefined_is_not_a_number() -> None:
    none_predicted = measure(torch.tensor([-1.0, -1.0]), torch.tensor([1.0, 0.0]))
    assert math.isnan(none_predicted.precision)
    assert (none_predicted.recall, none_predicted.f1) == (0, 0)
    no_positives = measure(torch.tensor([-1.0]), torch.tensor([0.0]))
    assert math.isnan(no_positives.recall)
    assert math.isnan(no_positives.f1)
    nothing = measure(torch.empty(0), torch.empty(0))
    assert nothing.images == 0
    assert all(math.isnan(value) for value in (nothing.f1, nothing.accuracy, nothing.loss))


def test_alive_is_finite_and_varied() -> None:
    assert is_alive(torch.tensor([0.1, 0.2]))
    assert is_alive(torch.tensor([0.1]))
    assert not is_alive(torch.tensor([0.1, 0.1]))
    assert not is_alive(torch.tensor([0.1, math.nan]))
    assert not is_alive(torch.tensor([math.inf, 0.0]))
