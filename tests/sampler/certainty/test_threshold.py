"""Lines for a wanted precision."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.certainty.audits import PRECISION, plan
from services.sampler.certainty.settled import kappa
from services.sampler.certainty.threshold import LIKELY, cheapest_line, choose_threshold

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


SLOPE = np.linspace(0.999, 0.5, 500)
FALLING = np.concatenate([SLOPE, np.full(500, 0.1)]).astype(np.float32)


def _swipes(found: int, target: float = 0.95, scores: NDArray[np.float32] = FALLING) -> tuple[int, int, int]:
    line = cheapest_line(scores, EVERY, target, found, 0.5)
    assert line is not None
    assert line.accepted + line.review == int((scores >= 0.5).sum())
    assert line.expected**line.draws >= LIKELY
    return line.accepted, line.draws, line.review


def test_the_cheapest_line_is_cheaper_than_every_other_that_is_likely_to_be_proved() -> None:
    accepted, draws, review = _swipes(found=60)
    for other in range(1, 501):
        needed = max(1, plan(PRECISION, 0.95, other, 60) or 1)
        if float(np.mean(SLOPE[:other])) ** needed >= LIKELY:
            assert draws + review <= needed + 500 - other + 2, other  # 256 of the 500 lines are tried
    assert draws >= plan(PRECISION, 0.95, accepted, 60)  # type: ignore[operator]


def test_what_people_named_makes_a_proof_cheaper() -> None:
    costs = [draws + review for _, draws, review in map(_swipes, (0, 60, 300, 3000))]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0]
    assert _swipes(found=100_000)[1] == 1, "a proof has a draw, however little it could change"


def test_nothing_is_to_be_looked_at_where_the_head_is_sure_of_all() -> None:
    accepted, draws, review = _swipes(0, scores=np.where(np.arange(1000) < 400, 0.9999, 0.01).astype(np.float32))
    assert (accepted, review) == (400, 0)
    assert draws == plan(PRECISION, 0.95, 400)


def test_no_cheapest_line_where_even_the_best_is_doubtful_or_nothing_is_left() -> None:
    assert cheapest_line(np.full(1000, 0.6, np.float32), EVERY, 0.95, 0, 0.5) is None
    assert cheapest_line(np.full(1000, 0.4, np.float32), EVERY, 0.95, 10, 0.5) is None
    assert cheapest_line(FALLING, ~EVERY, 0.95, 10, 0.5) is None
    assert cheapest_line(np.full(1000, np.nan, np.float32), EVERY, 0.95, 10, 0.5) is None
    with pytest.raises(InvalidInputError, match=r"lowest is 1\.5"):
        cheapest_line(FALLING, EVERY, 0.95, 10, 1.5)


def test_a_pool_of_a_hundred_thousand_has_a_line_too() -> None:
    scores = np.linspace(1, 0.5, 100_000).astype(np.float32)
    line = cheapest_line(scores, np.ones(100_000, np.bool_), 0.95, 50, 0.5)
    assert line is not None
    assert line.accepted > 1_000


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    first = rng.random(500) < 0.1
    second = first ^ (rng.random(500) < 0.02)
    assert abs(kappa(first, second) - cohen_kappa_score(first, second)) < 1e-12
    assert np.isnan(kappa(EVERY, EVERY))
    assert np.isnan(kappa(EVERY[:0], EVERY[:0]))
