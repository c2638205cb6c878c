"""The five strategies: what each promises, over many pools."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sampler.registry import STRATEGIES, find_strategy
from services.sampler.strategies import Pool, ScoreQuery
from services.sampler.strategies.balanced import uncertainty_balanced
from services.sampler.strategies.gaussian import gaussian
from services.sampler.strategies.positive import positive
from services.sampler.strategies.ranking import smallest
from services.sampler.strategies.strategy import Strategy
from services.sampler.strategies.uniform import uniform

ORIGINAL = ("random", "uncertainty", "gaussian", "uncertainty_balanced", "positive")


def _by_scores(strategy: Strategy) -> ScoreQuery:
    """The items of a strategy that looks at nothing but scores."""
    return lambda scores, mask, count, rng: strategy.query(Pool(mask=mask, scores=scores), count, rng).items


QUERIES = [_by_scores(strategy) for strategy in STRATEGIES if strategy.name in ORIGINAL]
uncertainty = _by_scores(find_strategy("uncertainty"))


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _scores(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize("query", QUERIES)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.5000001, 0.6, 0.9, 1.0]), min_size=1, max_size=40),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_exactly_count_different_items_of_the_pool(query: ScoreQuery, scores: list[float], data: st.DataObject) -> None:
    pool = np.array(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    pool[data.draw(st.integers(0, len(scores) - 1))] = True
    count = data.draw(st.integers(1, int(pool.sum())))
    seed = data.draw(st.integers(0, 2**32))
    items = query(_scores(scores), pool, count, _rng(seed))
    assert items.dtype == np.int64
    assert len(set(items.tolist())) == len(items) == count
    assert pool[items].all()
    assert items.tolist() == query(_scores(scores), pool, count, _rng(seed)).tolist()


@pytest.mark.parametrize("query", QUERIES)
def test_scores_outside_of_the_pool_are_not_looked_at(query: ScoreQuery) -> None:
    scores = np.full(100, np.nan, dtype=np.float32)
    pool = np.zeros(100, dtype=np.bool_)
    pool[40:60] = True
    scores[40:60] = _rng().random(20)
    other = np.where(pool, scores, np.float32(0.5))
    assert query(scores, pool, 10, _rng()).tolist() == query(other, pool, 10, _rng()).tolist()


@pytest.mark.parametrize("query", QUERIES)
def test_inputs_are_not_changed(query: ScoreQuery) -> None:
    scores, pool = _rng().random(50, dtype=np.float32), _rng(1).random(50) < 0.7
    before = scores.copy(), pool.copy()
    query(scores, pool, 10, _rng())
    assert np.array_equal(scores, before[0])
    assert np.array_equal(pool, before[1])


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_equal_scores_are_drawn_by_lot(query: ScoreQuery, value: float) -> None:
    """A saturated head scores a folder sorted by class: neither its beginning nor its end may be preferred."""
    scores, pool = np.full(1000, value, dtype=np.float32), np.ones(1000, dtype=np.bool_)
    picked = np.concatenate([query(scores, pool, 10, _rng(seed)) for seed in range(200)])
    tenths = np.bincount(picked // 100, minlength=10)
    assert tenths.sum() == 2000
    assert tenths.min() > 130
    assert tenths.max() < 270
    first = np.array([query(scores, pool, 10, _rng(seed))[0] for seed in range(200)])
    assert 350 < first.mean() < 650


@pytest.mark.parametrize("query", QUERIES)
def test_another_seed_breaks_ties_otherwise(query: ScoreQuery) -> None:
    scores, pool = np.full(1000, 0.5, dtype=np.float32), np.ones(1000, dtype=np.bool_)
    assert len({tuple(query(scores, pool, 10, _rng(seed)).tolist()) for seed in range(20)}) == 20


@pytest.mark.parametrize("query", [uncertainty, uncertainty_balanced, positive])
def test_without_ties_chance_and_order_of_the_folder_decide_nothing(query: ScoreQuery) -> None:
    scores = _rng().permutation(np.linspace(0.013, 0.97, 500)).astype(np.float32)
    pool = np.ones(500, dtype=np.bool_)
    expected = scores[query(scores, pool, 21, _rng(1))].tolist()
    for seed in range(2, 6):
        shuffled = _rng(seed).permutation(scores)
        assert shuffled[query(shuffled, pool, 21, _rng(seed))].tolist() == expected


def test_random_takes_everyone_alike() -> None:
    pool = np.arange(20) % 2 == 0
    counts = Counter(int(item) for seed in range(2000) for item in uniform(np.empty(20), pool, 3, _rng(seed)))
    assert set(counts) == set(range(0, 20, 2))
    assert min(counts.values()) > 500  # 600 expected, deviation 20
    assert max(counts.values()) < 700


def test_random_does_not_return_them_in_the_order_of_the_folder() -> None:
    items = uniform(np.empty(100), np.ones(100, dtype=np.bool_), 100, _rng())
    assert sorted(items.tolist()) == list(range(100))
    assert items.tolist() != sorted(items.tolist())


def test_uncertainty_is_the_smallest_distance_from_one_half() -> None:
    scores = _scores([0.9, 0.52, 0.1, 0.45, 0.5, 0.0, 0.56])
    assert uncertainty(scores, np.ones(7, dtype=np.bool_), 4, _rng()).tolist() == [4, 1, 3, 6]


def test_uncertainty_tells_tiny_scores_apart() -> None:
    """0.5 - 1e-9 is 0.5 in single precision."""
    scores = _scores([1e-12, 1e-9, 1e-15, 1e-10])
    assert uncertainty(scores, np.ones(4, dtype=np.bool_), 4, _rng()).tolist() == [1, 3, 0, 2]


def test_positive_is_the_largest_score() -> None:
    scores = _scores([0.9, 0.2, 0.99, 0.5, 0.95])
    assert positive(scores, np.ones(5, dtype=np.bool_), 3, _rng()).tolist() == [2, 4, 0]


def test_gaussian_weights_are_those_of_the_normal_distribution() -> None:
    """The first draw of many: frequencies proportional to N(p; 0.5, 0.2^2)."""
    values = [0.5, 0.7, 0.3, 0.9, 0.0]
    scores, pool = _scores(values), np.ones(5, dtype=np.bool_)
    weights = np.exp(-(((np.array(values) - 0.5) / 0.2) ** 2) / 2)
    rng = _rng()
    firsts = np.bincount([gaussian(scores, pool, 1, rng)[0] for _ in range(20_000)], minlength=5) / 20_000
    assert np.abs(firsts - weights / weights.sum()).max() < 0.012


def test_gaussian_draws_on_without_the_first() -> None:
    """The second draw given the first: weights of those that are left, renormalised."""
    scores, pool = _scores([0.5, 0.8, 0.1]), np.ones(3, dtype=np.bool_)
    weights = np.exp(-(((np.array([0.5, 0.8, 0.1]) - 0.5) / 0.2) ** 2) / 2)
    rng = _rng()
    pairs = [gaussian(scores, pool, 2, rng).tolist() for _ in range(20_000)]
    after_first = Counter(second for first, second in pairs if first == 0)
    share = after_first[1] / after_first.total()
    assert abs(share - weights[1] / (weights[1] + weights[2])) < 0.015


def test_gaussian_takes_all_when_all_are_asked_for() -> None:
    scores = np.repeat(_scores([0.0, 1.0]), 500)
    assert len(set(gaussian(scores, np.ones(1000, dtype=np.bool_), 1000, _rng()).tolist())) == 1000


def _balanced(values: list[float], count: int, seed: int = 0) -> list[float]:
    scores = _scores(values)
    items = uncertainty_balanced(scores, np.ones(len(values), dtype=np.bool_), count, _rng(seed))
    return [round(float(scores[item]), 3) for item in items]


def test_balanced_is_the_closest_then_half_from_each_side_by_rank() -> None:
    values = [0.95, 0.05, 0.6, 0.2, 0.51, 0.1, 0.7, 0.4, 0.8]
    assert _balanced(values, 1) == [0.51]
    assert _balanced(values, 5) == [0.51, 0.6, 0.4, 0.7, 0.2]


def test_balanced_goes_by_rank_not_by_distance() -> None:
    """Ten sure negatives far below: as many of them as of the many unsure ones just above."""
    values = [0.5, *(0.51 + 0.001 * n for n in range(20)), *(0.01 + 0.001 * n for n in range(10))]
    picked = _balanced(values, 9)
    assert sum(value < 0.5 for value in picked) == 4
    assert sum(value > 0.5 for value in picked) == 4
    assert min(picked) == 0.016


def test_balanced_gives_the_odd_one_to_the_side_above() -> None:
    picked = _balanced([0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9], 4)
    assert picked == [0.5, 0.7, 0.3, 0.8]


@pytest.mark.parametrize(("low", "high"), [(0, 30), (30, 0), (2, 30), (30, 2)])
def test_balanced_fills_up_from_the_other_side(low: int, high: int) -> None:
    values = [0.5, *(0.4 - 0.01 * n for n in range(low)), *(0.6 + 0.01 * n for n in range(high))]
    picked = _balanced(values, 21)
    assert len(picked) == 21
    assert sum(value < 0.5 for value in picked) == min(low, max(10, 20 - high))
    assert len(set(picked)) == 21


def test_balanced_stays_balanced_when_all_scores_are_saturated() -> None:
    for seed in range(20):
        picked = Counter(_balanced([0.0] * 50 + [1.0] * 50, 11, seed))
        assert min(picked[0.0], picked[1.0]) == 5


def test_smallest_sorts_ascending_and_ties_by_lot() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0, 2.0, 5.0, 0.5])
    found = {tuple(smallest(values, 4, _rng(seed)).tolist()) for seed in range(100)}
    assert {items[:2] for items in found} == {(6, 1)}
    assert {items[2:] for items in found} == {(2, 3), (3, 2), (2, 4), (4, 2), (3, 4), (4, 3)}


def test_smallest_draws_the_order_of_equal_values_too() -> None:
    values = np.array([1.0, 0.0, 0.0, 2.0])
    assert {tuple(smallest(values, 3, _rng(seed)).tolist()) for seed in range(50)} == {(1, 2, 0), (2, 1, 0)}


@pytest.mark.parametrize("count", [0, 1, 5, 9])
def test_smallest_of_few(count: int) -> None:
    assert len(smallest(np.arange(5.0), count, _rng())) == min(count, 5)
    assert smallest(np.empty(0), count, _rng()).tolist() == []


@given(st.lists(st.floats(allow_nan=False), max_size=50), st.integers(0, 50))
def test_smallest_is_what_a_sort_would_give(values: list[float], count: int) -> None:
    array = np.array(values, dtype=np.float64)
    assert array[smallest(array, count, _rng())].tolist() == sorted(values)[:count]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("saturated", [False, True])
def test_a_million_scores_take_well_under_a_second(query: ScoreQuery, saturated: bool) -> None:
    scores = _rng().random(1_000_000, dtype=np.float32)
    scores = np.round(scores) if saturated else scores
    pool = np.ones(1_000_000, dtype=np.bool_)
    start = time.process_time()
    assert len(query(scores, pool, 100, _rng())) == 100
    assert time.process_time() - start < 10
