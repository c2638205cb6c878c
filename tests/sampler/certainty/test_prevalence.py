"""The bounds of how many images are positive: they hold whenever people stop, whatever they leave out."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, log

import numpy as np
import pytest
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.certainty.hypergeometric import most_marked
from services.sampler.certainty.prevalence import (
    NO,
    UNKNOWN,
    YES,
    Prevalence,
    bound_prevalence,
    marked_range,
)

LIMIT = log(20)
POOL, RUNS = 4000, 160
Answers = NDArray[np.int64]


@pytest.mark.parametrize(("pool", "confidence"), [(12, 0.95), (31, 0.95), (31, 0.5), (60, 0.8)])
def test_the_chance_ever_to_be_wrong_is_small_in_every_pool(pool: int, confidence: float) -> None:
    """Added up exactly over all orders of the draw, for each number of positives; looked at after each answer."""
    limit = -log(1 - confidence)
    ranges = {(t, k): marked_range(pool, t, k, limit) for t in range(pool + 1) for k in range(t + 1)}
    for marked in range(pool + 1):
        held = {0: 1.0}  # hits -> probability of the orders in which the bounds have held up to now
        for drawn in range(1, pool + 1):
            after: dict[int, float] = {}
            for hits, chance in held.items():
                left, marked_left = pool - drawn + 1, marked - hits
                for more, share in ((1, marked_left / left), (0, 1 - marked_left / left)):
                    low, high = ranges[drawn, hits + more] if share > 0 else (1, 0)
                    if low <= marked <= high:
                        after[hits + more] = after.get(hits + more, 0.0) + chance * share
            held = after
        assert sum(held.values()) >= confidence, marked


def test_a_yes_more_makes_no_bound_smaller() -> None:
    """What counts as no for the lower bound, and as yes for the upper one, relies on it."""
    cases = [(pool, drawn) for pool in (7, 30, 61) for drawn in range(1, pool + 1)] + [(5000, 200), (10**6, 333)]
    for pool, drawn in cases:
        ranges = [marked_range(pool, drawn, hits, LIMIT) for hits in range(drawn + 1)]
        assert ranges == sorted(ranges)
        assert [high for _, high in ranges] == sorted(high for _, high in ranges)
        assert all(hits <= low <= high <= pool - drawn + hits for hits, (low, high) in enumerate(ranges))


def test_a_range_has_all_that_fits_and_nothing_else() -> None:
    """Against the ratio with whole numbers, and a prior that is summed up."""
    pool, drawn, hits = 40, 15, 4

    def beta(a: float, b: float) -> float:
        grid = (np.arange(200_000) + 0.5) / 200_000
        return float(np.mean(grid ** (a - 1) * (1 - grid) ** (b - 1)))

    prior = beta(0.5 + hits, 0.5 + drawn - hits) / np.pi
    fits = [
        marked
        for marked in range(hits, pool - drawn + hits + 1)
        if prior * comb(pool, marked) / comb(pool - drawn, marked - hits) < 20
    ]
    assert (fits[0], fits[-1]) == marked_range(pool, drawn, hits, LIMIT)
    assert fits == list(range(fits[0], fits[-1] + 1))


def _all(said: Answers, rng: np.random.Generator) -> Answers:
    return said


def _until_it_pleases(said: Answers, rng: np.random.Generator) -> Answers:
    """Stops when the share of yes is as high as it will ever be after the first 20."""
    share = np.cumsum(said == YES) / np.arange(1, len(said) + 1)
    stop = 20 + int(share[20:].argmax()) + 1
    return np.where(np.arange(len(said)) < stop, said, UNKNOWN)


def _until_none_was_seen(said: Answers, rng: np.random.Generator) -> Answers:
    stop = int((said == YES).argmax())
    return np.where(np.arange(len(said)) < stop, said, UNKNOWN)


def _leaves_positives_out(said: Answers, rng: np.random.Generator) -> Answers:
    """Two thirds of the positives take longer than there is time, or are not clear to anybody."""
    return np.where((said == YES) & (rng.random(len(said)) < 0.66), UNKNOWN, said)


def _leaves_negatives_out(said: Answers, rng: np.random.Generator) -> Answers:
    return np.where((said == NO) & (rng.random(len(said)) < 0.3), UNKNOWN, said)


def _finds_some_later(said: Answers, rng: np.random.Generator) -> Answers:
    """Sixty while embedding, and of the rest the positives that the head points at."""
    return np.where((np.arange(len(said)) < 60) | (said == YES), said, UNKNOWN)


People = Callable[[Answers, np.random.Generator], Answers]
PEOPLE = (
    _all,
    _until_it_pleases,
    _until_none_was_seen,
    _leaves_positives_out,
    _leaves_negatives_out,
    _finds_some_later,
)


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("share", [0.004, 0.05, 0.4])
def test_the_bounds_hold_in_95_of_100_runs_whatever_people_do(people: People, share: float) -> None:
    """Simulated runs: a tenth of the images cannot be read, and drops out of the draw and of the pool."""
    held, told = 0, 0
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, round(share * 1000)])
        truth, readable = rng.random(POOL) < share, rng.random(POOL) < 0.9
        drawn = rng.choice(POOL, 300, replace=False)
        drawn = drawn[readable[drawn]]
        said = people(np.where(truth[drawn], YES, NO), rng)
        known = int((said == YES).sum()), int((said == NO).sum())
        bounds = bound_prevalence(int(readable.sum()), said.tolist(), *known)
        held += bounds.at_least <= (truth & readable).sum() <= bounds.at_most
        told += bounds.drawn > 0
    assert held >= 0.95 * RUNS
    assert told > 0


def test_a_bound_for_a_fixed_number_would_not_hold_when_people_stop_as_they_like() -> None:
    """Why these bounds and not those of an audit: who stops when it pleases makes the audit's wrong far too often."""
    wrong = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        truth = np.arange(POOL) < POOL // 20
        said = np.where(truth[rng.choice(POOL, 300, replace=False)], YES, NO)
        hits = np.cumsum(said == YES)
        ends = range(20, 300, 4)
        wrong += any(most_marked(POOL, end, int(hits[end - 1])) < POOL // 20 for end in ends)
    assert wrong > 0.1 * RUNS


def test_an_image_far_down_the_draw_does_not_open_what_lies_before_it() -> None:
    said = [YES] * 3 + [NO] * 97
    alone = bound_prevalence(2000, said, 3, 97)
    assert (alone.drawn, alone.positive, alone.unknown) == (100, 3, 0)
    later = bound_prevalence(2000, [*said, *[UNKNOWN] * 500, YES], 4, 97)
    assert later == Prevalence(max(alone.at_least, 4), alone.at_most, 100, 3, 0)


def test_a_gap_counts_either_way_where_what_follows_is_worth_it() -> None:
    said = [*[NO] * 20, UNKNOWN, UNKNOWN, *[NO] * 200]
    bounds = bound_prevalence(2000, said, 0, 220)
    assert (bounds.drawn, bounds.unknown) == (222, 2)
    assert bounds.at_most == marked_range(2000, 222, 2, LIMIT)[1]
    assert bounds.at_most > bound_prevalence(2000, [NO] * 222, 0, 222).at_most


def test_what_is_known_anyway_bounds_too() -> None:
    assert bound_prevalence(100, [], 5, 20) == Prevalence(5, 80, 0, 0, 0)
    assert bound_prevalence(3, [YES, NO, NO], 1, 2) == Prevalence(1, 1, 0, 0, 0)
    assert marked_range(3, 3, 1, LIMIT) == (1, 1)
    assert bound_prevalence(0, []) == Prevalence(0, 0, 0, 0, 0)
    many = bound_prevalence(1000, [NO] * 100, 300, 100)  # a draw that misses what others have found
    assert (many.at_least, many.at_most >= 300) == (300, True)


@pytest.mark.parametrize(
    ("pool", "said", "known", "confidence", "sentence"),
    [
        (9, [3], (0, 0), 0.95, "3 is no answer; say 0 for none"),
        (1, [NO, NO], (0, 2), 0.95, "a draw of 2 images cannot come from 1"),
        (9, [YES], (0, 0), 0.95, "0 positives and 0 negatives are not what is known of 9"),
        (9, [NO], (1, 0), 0.95, "1 positives and 0 negatives"),
        (9, [], (5, 5), 0.95, "5 positives and 5 negatives are not what is known of 9"),
        (9, [], (0, 0), 1.0, "confidence is 1; give a share"),
    ],
)
def test_what_cannot_be_is_refused(
    pool: int, said: list[int], known: tuple[int, int], confidence: float, sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        bound_prevalence(pool, said, *known, confidence)
