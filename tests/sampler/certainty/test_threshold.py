"""Lines for a wanted precision."""

from __future__ import annotations

import numpy as np

from services.sampler.certainty.settled import kappa
from services.sampler.certainty.threshold import choose_threshold

EVERY = np.ones(1000, np.bool_)


def test_the_lowest_line_that_is_likely_to_be_proved() -> None:
    scores = np.where(np.arange(1000) < 300, 0.999, 0.9).astype(np.float32)
    line = choose_threshold(scores, EVERY, 0.95)
    assert line is not None
    assert (line.accepted, round(line.threshold, 3)) == (300, 0.999)


def test_equal_scores_are_accepted_together() -> None:
    line = choose_threshold(np.full(1000, 0.998, np.float32), EVERY, 0.95)
    assert line is not None
    assert line.accepted == 1000


def test_the_best_chance_is_taken_where_none_is_good() -> None:
    scores = np.linspace(0, 0.97, 1000).astype(np.float32)
    line = choose_threshold(scores, EVERY, 0.95)
    assert line is not None
    assert line.expected >= 0.95


def test_no_line_where_the_head_is_not_sure() -> None:
    assert choose_threshold(np.full(1000, 0.8, np.float32), EVERY, 0.95) is None
    assert choose_threshold(np.full(1000, 0.99, np.float32), ~EVERY, 0.95) is None


def test_items_outside_the_pool_and_without_a_score_do_not_count() -> None:
    scores = np.full(1000, 0.999, np.float32)
    scores[:10] = np.nan
    line = choose_threshold(scores, np.arange(1000) < 500, 0.95)
    assert line is not None
    assert line.accepted == 490


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    first = rng.random(500) < 0.1
    second = first ^ (rng.random(500) < 0.02)
    assert abs(kappa(first, second) - cohen_kappa_score(first, second)) < 1e-12
    assert np.isnan(kappa(EVERY, EVERY))
    assert np.isnan(kappa(EVERY[:0], EVERY[:0]))
