"""The bounds against another implementation, and their coverage, added up exactly over every outcome of the draw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from protos.errors import InvalidInputError
from services.sampler.certainty.audits import Audit, draw, plan, precision_shown, recall_shown
from services.sampler.certainty.hypergeometric import draws_needed, lower_tail, most_marked


def test_the_tail_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(1000):
        pool = int(rng.integers(1, 10 ** int(rng.integers(1, 7))))
        drawn, marked = int(rng.integers(0, min(pool, 5000) + 1)), int(rng.integers(0, pool + 1))
        hits = int(rng.integers(0, drawn + 1))
        assert lower_tail(hits, pool, marked, drawn) == pytest.approx(
            hypergeom.cdf(hits, pool, marked, drawn), abs=1e-7
        )


@pytest.mark.parametrize(
    ("pool", "drawn", "hits"), [(1000, 59, 0), (1000, 59, 3), (20000, 3000, 2), (40, 40, 7), (9, 3, 3)]
)
def test_the_bound_is_the_last_that_is_likely_enough(pool: int, drawn: int, hits: int) -> None:
    bound = most_marked(pool, drawn, hits)
    assert hits <= bound <= pool - drawn + hits
    assert hypergeom.cdf(hits, pool, bound, drawn) > 0.05 or bound == hits
    if bound < pool - drawn + hits:
        assert hypergeom.cdf(hits, pool, bound + 1, drawn) <= 0.05


@pytest.mark.parametrize("recall", [0.3, 0.5, 0.7, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("positives", "pool"), [(100, 5000), (200, 20000), (18, 10000)])
@pytest.mark.parametrize("drawn", [50, 300, 2000])
def test_the_bound_of_recall_covers(recall: float, positives: int, pool: int, drawn: int) -> None:
    """P(bound <= truth) over all outcomes of the draw; 95 % is promised."""
    found = round(positives * recall)
    missed = positives - found
    hits = np.arange(0, min(missed, drawn) + 1)
    chance = hypergeom.pmf(hits, pool, missed, drawn)
    held = [recall_shown(Audit(pool, drawn, int(h), found)).at_least <= (found + h) / positives + 1e-12 for h in hits]
    assert chance[held].sum() >= 0.95


@pytest.mark.parametrize("wrong", [0, 1, 5, 20, 60])
@pytest.mark.parametrize("drawn", [30, 59, 200])
@pytest.mark.parametrize("found", [0, 25, 1000])
def test_the_bound_of_precision_covers(wrong: int, drawn: int, found: int) -> None:
    """The set is the pool without what the draw has found wrong, and what people named."""
    errors = np.arange(0, min(wrong, drawn) + 1)
    chance = hypergeom.pmf(errors, 400, wrong, drawn)
    truth = 1 - (wrong - errors) / (found + 400 - errors)
    shown = [precision_shown(Audit(400, drawn, drawn - int(e), found)) for e in errors]
    held = [of.at_least <= true + 1e-12 for of, true in zip(shown, truth, strict=True)]
    assert chance[held].sum() >= 0.95
    estimates = np.array([of.estimate for of in shown])
    assert abs(float((chance * estimates).sum() - (chance * truth).sum())) < 0.03


def test_what_people_named_raises_the_bound_and_an_empty_set_holds_nothing_wrong() -> None:
    alone, named = (precision_shown(Audit(100, 20, 20, found)).at_least for found in (0, 100))
    assert alone < 0.9 < named < 1
    assert precision_shown(Audit(5, 5, 0)).at_least == 1.0
    assert plan("precision", 0.95, 100, 100) < plan("precision", 0.95, 100)  # type: ignore[operator]


def test_positives_found_after_an_audit_raise_the_bound_and_never_past_the_truth() -> None:
    audit = Audit(pool=5000, drawn=300, positive=1, found=60)
    bounds = [recall_shown(audit, found_now=now).at_least for now in (60, 61, 80, 130)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1] <= 1


def test_no_error_in_59_proves_95_percent() -> None:
    assert draws_needed(10**6, 50_000) == 59
    assert plan("precision", 0.95, 10**6) == 59
    assert precision_shown(Audit(10**6, 59, 59)).at_least >= 0.95
    assert precision_shown(Audit(10**6, 58, 58)).at_least < 0.95


def test_recall_of_90_percent_at_one_percent_takes_about_3000() -> None:
    swipes = plan("recall", 0.9, 19_820, 180)
    assert swipes is not None
    assert 2500 < swipes < 3100
    assert recall_shown(Audit(19_820, swipes, 0, 180)).at_least >= 0.9
    assert recall_shown(Audit(19_820, swipes - 1, 0, 180)).at_least < 0.9


def test_a_small_pool_is_looked_through_whole() -> None:
    assert plan("precision", 0.95, 10) == 10
    assert plan("precision", 0.95, 0) == 0
    assert plan("recall", 0.9, 30, 0) is None
    assert recall_shown(Audit(30, 30, 0, 0)).at_least == 1.0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Audit(10, 11, 0), "11 images with 0 positives cannot come from a pool of 10"),
        (lambda: Audit(10, 5, 6), "5 images with 6 positives"),
        (lambda: Audit(10, 5, 3, 0, 3), "5 images with 3 positives and 3 in doubt cannot come from a pool of 10"),
        (lambda: plan("recall", 1.0, 10, 1), "target is 1; give a share between 0 and 1"),
        (lambda: plan("recall", 0.9, 10, 1, 0.0), "confidence is 0"),
        (lambda: plan("f1", 0.9, 10, 1), "no audit of 'f1'; choose recall or precision"),
        (lambda: draw(np.ones(5, np.bool_), 6, np.random.default_rng(0)), "6 images cannot be drawn from 5"),
        (lambda: draw(np.ones(5, np.bool_), 0, np.random.default_rng(0)), "0 images cannot be drawn"),
    ],
)
def test_bad_input_is_one_sentence(call: object, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        call()  # type: ignore[operator]


def test_the_draw_is_uniform_over_the_pool() -> None:
    pool = np.arange(40) % 2 == 0
    counts = np.zeros(40)
    rng = np.random.default_rng(1)
    for _ in range(4000):
        counts[draw(pool, 5, rng)] += 1
    assert counts[1::2].sum() == 0
    assert abs(counts[::2] - 1000).max() < 130  # four deviations
