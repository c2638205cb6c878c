"""The pool, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from protos.errors import InvalidInputError
from services.sampler.registry import STRATEGIES, find_strategy
from services.sampler.selection import MOST_PICKS, make_pool, select
from services.sampler.strategies.strategy import Strategy

NOBODY = np.empty(0, dtype=np.uint64)
PLAIN = [strategy for strategy in STRATEGIES if set(strategy.needs) <= {"scores"}]
SCORED = [strategy for strategy in PLAIN if strategy.needs_scores]


def _scores(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def _items(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def _present(count: int) -> np.ndarray:
    return np.ones(count, dtype=np.bool_)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("strategy", PLAIN, ids=lambda strategy: strategy.name)
def test_pool_is_present_and_not_excluded(strategy: Strategy) -> None:
    present = np.array([True, True, False, True, True, True])
    chosen = select(strategy, _scores(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), present, _items(1, 4, 1), 3, _rng())
    assert sorted(chosen.items.tolist()) == [0, 3, 5]
    assert chosen.pool == 3
    assert chosen.scores.tolist() == _scores(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)[chosen.items].tolist()


@pytest.mark.parametrize("strategy", SCORED, ids=lambda strategy: strategy.name)
@pytest.mark.parametrize("absent", [np.nan, np.inf, -np.inf])
def test_item_without_a_score_is_not_in_the_pool(strategy: Strategy, absent: float) -> None:
    chosen = select(strategy, _scores(0.1, absent, 0.3), _present(3), NOBODY, 2, _rng())
    assert sorted(chosen.items.tolist()) == [0, 2]


def test_random_needs_no_scores() -> None:
    chosen = select(find_strategy("random"), None, _present(5), _items(0), 4, _rng())
    assert sorted(chosen.items.tolist()) == [1, 2, 3, 4]
    assert np.isnan(chosen.scores).all()


def test_random_takes_items_without_a_score_too() -> None:
    chosen = select(find_strategy("random"), _scores(0.1, np.nan, 7.0), _present(3), NOBODY, 3, _rng())
    assert sorted(chosen.items.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("strategy", SCORED, ids=lambda strategy: strategy.name)
def test_other_strategies_need_scores(strategy: Strategy) -> None:
    with pytest.raises(InvalidInputError, match=f"strategy {strategy.name} needs scores; train a head first"):
        select(strategy, None, _present(5), NOBODY, 1, _rng())


@pytest.mark.parametrize("strategy", PLAIN, ids=lambda strategy: strategy.name)
def test_more_than_the_pool_has(strategy: Strategy) -> None:
    with pytest.raises(InvalidInputError) as caught:
        select(strategy, _scores(0.1, 0.2, 0.3), _present(3), _items(1), 3, _rng())
    assert str(caught.value) == (
        f"{strategy.name} was asked for 3 images, but the pool has only 2 left; set sample_size to 2 or less"
    )


def test_empty_pool() -> None:
    for present, excluded in (
        (_present(2), _items(0, 1)),
        (np.zeros(2, np.bool_), NOBODY),
        (np.zeros(0, np.bool_), NOBODY),
    ):
        with pytest.raises(
            InvalidInputError, match="has only 0 left; every image is labelled or set aside: finish the run"
        ):
            select(find_strategy("random"), None, present, excluded, 1, _rng())


@pytest.mark.parametrize("count", [0, MOST_PICKS + 1])
def test_count_that_cannot_be_selected(count: int) -> None:
    with pytest.raises(InvalidInputError, match=f"^{count} images cannot be selected at once; set sample_size"):
        select(find_strategy("random"), None, _present(5), NOBODY, count, _rng())


@pytest.mark.parametrize("item", [3, 2**63, 2**64 - 1])
def test_excluded_item_that_does_not_exist(item: int) -> None:
    with pytest.raises(InvalidInputError, match=f"item {item} is excluded, but there are only 3 items"):
        select(find_strategy("random"), None, _present(3), _items(0, item), 1, _rng())


def test_scores_of_another_generation() -> None:
    with pytest.raises(InvalidInputError, match="4 scores do not belong to 3 items; score the newest generation"):
        select(find_strategy("positive"), _scores(0, 0, 0, 0), _present(3), NOBODY, 1, _rng())


@pytest.mark.parametrize("value", [-0.01, 1.01, 17.0])
def test_score_that_is_no_probability(value: float) -> None:
    with pytest.raises(InvalidInputError, match=f"the score of item 1 is {value:g}, which is no probability"):
        select(find_strategy("positive"), _scores(0.5, value), _present(2), NOBODY, 1, _rng())
    assert select(find_strategy("positive"), _scores(0.5, value), _present(2), _items(1), 1, _rng()).pool == 1


def test_inputs_may_be_read_only() -> None:
    present, scores = _present(3), _scores(0.1, 0.2, 0.3)
    present.flags.writeable = scores.flags.writeable = False
    assert make_pool(find_strategy("positive"), scores, present, _items(1)).tolist() == [True, False, True]
    assert present.all()
