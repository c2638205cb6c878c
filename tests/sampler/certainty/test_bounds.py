"""Exact bounds: they cover, they agree with scipy, and their price is told beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from protos.errors import InvalidInputError
from services.sampler.certainty.audits import (
    PRECISION,
    RECALL,
    Audit,
    draw,
    plan,
    precision_shown,
    recall_shown,
)
from services.sampler.certainty.hypergeometric import draws_needed, lower_tail, most_marked
from services.sampler.certainty.settled import kappa
from services.sampler.certainty.threshold import choose_threshold


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_tail_is_that_of_scipy(data: st.DataObject) -> None:
    pool = data.draw(st.integers(1, 3000))
    marked, drawn = data.draw(st.integers(0, pool)), data.draw(st.integers(0, pool))
    hits = data.draw(st.integers(0, drawn))
    assert lower_tail(hits, pool, marked, drawn) == pytest.approx(hypergeom.cdf(hits, pool, marked, drawn), abs=1e-9)


@pytest.mark.parametrize("pool", [30, 400, 5_000])
@pytest.mark.parametrize("share", [0.002, 0.02, 0.2, 0.7])
@pytest.mark.parametrize("part", [0.05, 0.3, 0.9])
def test_the_bound_covers_exactly_as_often_as_it_says(pool: int, share: float, part: float) -> None:
    """Every outcome of the draw with its probability: no simulation, no luck."""
    marked, drawn = max(1, round(pool * share)), max(1, round(pool * part))
    hits = np.arange(0, min(drawn, marked) + 1)
    chances = hypergeom.pmf(hits, pool, marked, drawn)
    hits, chances = hits[chances > 1e-9], chances[chances > 1e-9]
    covered = sum(
        chance
        for hit, chance in zip(hits.tolist(), chances.tolist(), strict=True)
        if most_marked(pool, drawn, hit) >= marked
    )
    assert covered >= 0.95 - 1e-6


@pytest.mark.parametrize("recall", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("drawn", [60, 400])
def test_audited_recall_is_bounded_in_19_of_20_runs(recall: float, drawn: int) -> None:
    positives, pool = 200, 5_000
    found = round(positives * recall)
    hidden = np.arange(pool) < positives - found
    rng = np.random.default_rng([round(recall * 100), drawn])
    runs = 600
    covered = 0
    for _ in range(runs):
        hits = int(hidden[draw(np.ones(pool, np.bool_), drawn, rng)].sum())
        shown = recall_shown(Audit(pool, drawn, hits, found))
        covered += shown.at_least <= (found + hits) / positives + 1e-12
    assert covered >= 0.95 * runs - 3 * np.sqrt(0.05 * 0.95 * runs)


def test_an_audit_does_not_go_stale() -> None:
    audit = Audit(pool=1_000, drawn=200, positive=1, found=50)
    then = recall_shown(audit)
    assert recall_shown(audit, found_now=60).at_least > then.at_least
    assert recall_shown(audit, found_now=10_000).at_least == 1.0


def test_known_prices() -> None:
    assert plan(PRECISION, 0.95, 1_000_000) == 59  # 0 errors in 59
    swipes = plan(RECALL, 0.9, 99_000, found=900)
    assert swipes is not None
    assert 2_500 < swipes < 3_000  # about 3 / (prevalence * (1 - target)) of an endless pool at 1 %
    assert plan(RECALL, 0.9, 1_000, found=0) is None
    assert draws_needed(10, 10) == 0


@pytest.mark.parametrize("kind", [RECALL, PRECISION])
def test_so_many_draws_without_a_surprise_show_the_target(kind: str) -> None:
    for pool in (20, 500, 20_000):
        swipes = plan(kind, 0.9, pool, found=40)
        assert swipes is not None
        surprises = swipes if kind == PRECISION else 0
        shown = (precision_shown if kind == PRECISION else recall_shown)(Audit(pool, swipes, surprises, 40))
        assert shown.at_least >= 0.9 - 1e-12
        if swipes > 1:
            fewer = Audit(pool, swipes - 1, surprises and swipes - 1, 40)
            assert (precision_shown if kind == PRECISION else recall_shown)(fewer).at_least < 0.9


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0, float("nan")])
def test_a_target_that_is_none_is_refused(target: float) -> None:
    with pytest.raises(InvalidInputError, match="give a share between 0 and 1"):
        plan(RECALL, target, 100, 1)


def test_an_audit_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot come from a pool"):
        Audit(10, 11, 0)
    with pytest.raises(InvalidInputError, match="cannot come from a pool"):
        Audit(10, 5, 6)
    with pytest.raises(InvalidInputError, match="ask for 1 to 3"):
        draw(np.array([True, True, True, False]), 4, np.random.default_rng(0))


def test_kappa_is_agreement_beyond_chance() -> None:
    first = np.array([True, True, False, False])
    assert kappa(first, first) == 1.0
    assert kappa(first, ~first) == -1.0
    assert np.isnan(kappa(np.zeros(4, np.bool_), np.zeros(4, np.bool_)))


def test_the_line_is_the_lowest_that_is_likely_to_be_proved() -> None:
    scores = np.concatenate([np.full(300, 0.999), np.full(300, 0.6), np.full(400, 0.01)]).astype(np.float32)
    pool = np.ones(1_000, np.bool_)
    line = choose_threshold(scores, pool, 0.95)
    assert line is not None
    assert (line.accepted, round(line.threshold, 3)) == (300, 0.999)
    assert choose_threshold(scores[300:], pool[300:], 0.95) is None
    assert choose_threshold(scores[:0], pool[:0], 0.95) is None
