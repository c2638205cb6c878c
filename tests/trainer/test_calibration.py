"""Calibration: against a known truth, with few labels, and that no ranking changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from services.trainer.calibration import LEAST_SLOPE, MOST_SLOPE, Calibration, platt, prior_only
from services.trainer.heads import LOGISTIC, SURE, Head, HeadShape, bent


def test_the_true_slope_and_offset_are_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=40_000)
    positive = rng.random(40_000) < 1 / (1 + np.exp(-(2.5 * logits - 3)))
    found = platt(logits, positive)
    assert found.slope == pytest.approx(2.5, rel=0.05)
    assert found.offset == pytest.approx(-3, rel=0.05)


def test_a_slope_never_turns_the_ranking_around() -> None:
    positive = np.arange(100) < 20
    found = platt(np.where(positive, -1.0, 1.0), positive)
    assert found.slope == pytest.approx(LEAST_SLOPE)
    mean = (1 / (1 + np.exp(-found.apply(np.where(positive, -1.0, 1.0))))).mean()
    assert mean == pytest.approx(0.2, abs=0.02), "the share of positives is right all the same"


@pytest.mark.parametrize("width", [1e-3, 1e-9])
def test_logits_that_hardly_differ_do_not_get_any_slope(width: float) -> None:
    positive = np.arange(100) < 20
    assert platt(np.where(positive, width, -width), positive).slope == pytest.approx(MOST_SLOPE)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_logits_that_separate_the_labels_are_not_certain(scale: float) -> None:
    positive = np.arange(50) < 10
    logits = np.where(positive, 1.0, -1.0) * scale
    found = platt(logits, positive)
    if found.slope > 1.01 * LEAST_SLOPE:
        assert found.apply(logits).max() == pytest.approx(math.log(11), rel=1e-3)  # 11 of 12, as Platt smooths
    assert np.isfinite([found.slope, found.offset]).all()


@pytest.mark.parametrize("rare", [0, 1, 2])
def test_with_few_labels_only_the_prior_is_corrected(rare: int) -> None:
    positive = np.arange(30) < rare
    assert platt(np.zeros(30), positive) == prior_only(positive) == Calibration(1.0, math.log((rare + 1) / (31 - rare)))


def test_what_is_all_but_certain_keeps_its_order_in_float32() -> None:
    logits = torch.linspace(-25, 25, 201)
    chances = bent(logits).sigmoid().numpy()
    assert (np.diff(chances) > 0).all()
    assert 0 < chances.min() < chances.max() < 1
    inside = logits.abs() <= SURE
    assert torch.equal(bent(logits)[inside], logits[inside])


def test_a_head_is_calibrated_and_takes_vectors_of_any_length() -> None:
    head = Head(HeadShape(LOGISTIC, 4, 0, 0.0)).eval()
    x = torch.randn(6, 4)
    with torch.no_grad():
        raw = torch.nn.functional.normalize(x) @ head.linear.weight[0] + head.linear.bias
        torch.testing.assert_close(head(x), raw)
        for scale in (1e-15, 1e15):
            torch.testing.assert_close(head(x * scale), raw)
        torch.testing.assert_close(head(torch.zeros(2, 4)), head.linear.bias.expand(2))
        head.slope.fill_(2.0)
        head.offset.fill_(-1.0)
        torch.testing.assert_close(head(x), 2 * raw - 1)
