"""Strategies that look at more than scores, and what is wrapped around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos.errors import InvalidInputError
from services.sampler.registry import STRATEGIES, find_strategy, set_by_alias
from services.sampler.selection import Around, complete_parameters, select
from services.sampler.strategies.strategy import Strategy
from tests.sampler.world import ROWS, World

NAMES = [strategy.name for strategy in STRATEGIES]


@pytest.mark.parametrize("name", NAMES)
@given(count=st.integers(1, ROWS - 4), seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_every_strategy_gives_so_many_different_items_of_the_pool(name: str, count: int, seed: int) -> None:
    world = World()
    chosen = world.select(name, count, seed)
    assert len(set(chosen.items.tolist())) == len(chosen.items) == len(chosen.reasons) == count
    assert not set(chosen.items.tolist()) & set(world.labelled[0].tolist())
    assert chosen.items.tolist() == world.select(name, count, seed).items.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_strategies_are_pure(name: str) -> None:
    """Nothing that they look at changes, and no other chance than what they are given is used."""
    world = World()
    for array in (world.scores, world.vectors, world.committee, world.present, world.cloud, *world.labelled):
        array.setflags(write=False)
    np.random.seed(1)
    first, state = world.select(name, 9).items.tolist(), np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    np.random.seed(2)
    assert world.select(name, 9).items.tolist() == first
    np.random.seed(1)
    assert np.random.get_state()[1].tolist() == state  # type: ignore[index, union-attr]


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_pool_can_be_picked(world: World, name: str) -> None:
    assert sorted(world.select(name, ROWS - 4).items.tolist()) == sorted(set(range(ROWS)) - {0, 1, 12, 13})


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_nothing_labelled_is_no_hindrance(world: World, name: str) -> None:
    nobody = (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.bool_))
    assert len(world.select(name, 5, labelled=nobody).items) == 5


def test_galaxy_asks_between_a_yes_and_a_no() -> None:
    scores = np.linspace(0, 1, 101).astype(np.float32)
    labelled = (np.array([10, 30, 80, 100], dtype=np.uint64), np.array([False, False, True, True]))
    around = Around(labelled=labelled)
    rng = np.random.default_rng(0)
    chosen = select(find_strategy("galaxy"), scores, np.ones(101, np.bool_), labelled[0], 3, rng, around)
    assert chosen.items[0] == 55  # the middle of 30 and 80
    assert all(30 < item < 80 for item in chosen.items.tolist())


def test_bald_wants_what_the_members_disagree_about(world: World) -> None:
    committee = np.full((4, ROWS), 0.5, dtype=np.float32)  # all unsure alike: nothing to learn
    committee[:2, 77], committee[2:, 77] = 0.0, 1.0
    assert world.select("bald", 1, committee=committee).items.tolist() == [77]


def test_thompson_follows_single_members(world: World) -> None:
    committee = np.zeros((2, ROWS), dtype=np.float32)
    committee[0, 50:60], committee[1, 90:100] = 0.9, 0.9
    chosen = world.select("bald", 10, committee=committee, parameters={"thompson": 1.0})
    assert set(chosen.items.tolist()) <= set(range(50, 60)) | set(range(90, 100))
    assert set(chosen.reasons) == {"thompson"}


def test_badge_coreset_and_maxherding_spread(world: World) -> None:
    flat = np.full(ROWS, 0.4, dtype=np.float32)
    for name in ("badge", "coreset", "maxherding", "typiclust"):
        clouds = world.cloud[world.select(name, 10, scores=flat).items]
        assert len(set(clouds.tolist())) >= 7, name


def test_dropquery_wants_answers_that_change(world: World) -> None:
    committee = np.zeros((5, ROWS), dtype=np.float32)
    committee[:4, 200:220] = 1.0
    chosen = world.select("dropquery", 10, scores=np.full(ROWS, 0.1, np.float32), committee=committee)
    assert set(chosen.items.tolist()) <= set(range(200, 220))


def test_uncertainty_lies_around_the_threshold(world: World) -> None:
    chosen = world.select("uncertainty", 5, threshold=0.2)
    assert np.abs(world.scores[chosen.items] - 0.2).max() < 0.01


def test_candidates_restrict_and_give_way_when_they_are_used_up(world: World) -> None:
    some = np.arange(40, 60, dtype=np.uint64)
    assert set(world.select("positive", 10, candidates=some).items.tolist()) <= set(range(40, 60))
    assert len(world.select("positive", 30, candidates=some).items) == 30


def test_anchors_are_drawn_by_lot_and_by_the_seed(world: World) -> None:
    first, again, other = (world.select("positive", 10, seed, anchors=30).items.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_near_duplicates_give_way(world: World) -> None:
    vectors = world.vectors.copy()
    vectors[100:150] = vectors[100]  # fifty times the same picture, and the best scores
    scores = world.scores * 0.5
    scores[100:150] = 0.9
    chosen = world.select("positive", 20, scores=scores, vectors=vectors, no_closer_than=0.999)
    assert sum(100 <= item < 150 for item in chosen.items.tolist()) == 1
    assert len(set(chosen.items.tolist())) == 20


@pytest.mark.parametrize(
    ("name", "more", "sentence"),
    [
        (
            "hybrid",
            {"parameters": {"explor": 0.1}},
            "strategy hybrid has no parameter 'explor'; it takes boundary, explore, likeness",
        ),
        ("positive", {"parameters": {"x": 1.0}}, "strategy positive has no parameter 'x'; it takes none"),
        (
            "hybrid",
            {"parameters": {"explore": 1.5}},
            "parameter explore of strategy hybrid is 1.5; it must be from 0 to 1",
        ),
        ("hybrid", {"parameters": {"explore": float("nan")}}, "parameter explore of strategy hybrid is nan"),
        (
            "hybrid",
            {"parameters": {"explore": 0.8}},
            "boundary and explore of strategy hybrid are more than 1 together",
        ),
        ("hybrid", {"vectors": None}, "strategy hybrid needs vectors"),
        ("bald", {"committee": None}, "strategy bald needs a committee; score one of kind bootstrap"),
        ("bald", {"committee": np.zeros((2, 5), np.float32)}, "5 votes of each member do not belong to 600 items"),
        ("badge", {"vectors": np.zeros((5, 2), np.float32)}, "5 vectors do not belong to 600 items"),
        ("positive", {"threshold": 1.5}, "a threshold of 1.5 is no probability"),
        ("positive", {"no_closer_than": 1.0}, "no_closer_than is 1; it is a cosine"),
        ("positive", {"no_closer_than": 0.5, "vectors": None}, "picks that shall not be too alike need vectors"),
        ("positive", {"candidates": np.array([600], np.uint64)}, "item 600 is candidate, but there are only 600"),
        ("galaxy", {"labelled": (np.array([601], np.uint64), np.array([True]))}, "item 601 is labelled"),
    ],
)
def test_what_does_not_fit_is_one_sentence(world: World, name: str, more: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        world.select(name, 5, **more)
    assert sentence in str(caught.value)


def test_an_alias_may_set_a_parameter() -> None:
    assert set_by_alias("uherding") == {"uncertainty": 1.0}
    assert set_by_alias("maxherding") == {}


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_defaults_are_within_their_ranges(strategy: Strategy) -> None:
    assert set(complete_parameters(strategy, {})) == {parameter.name for parameter in strategy.parameters}
