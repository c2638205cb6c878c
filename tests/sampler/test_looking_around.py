"""Strategies that look at more than scores, and what is wrapped around them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos.errors import InvalidInputError
from services.sampler.clusters import k_means, number_of_clusters, spread
from services.sampler.registry import STRATEGIES, find_strategy, set_by_alias
from services.sampler.selection import Around, Selection, complete_parameters, select
from services.sampler.strategies.pool import Clusters, unit
from services.sampler.strategies.strategy import Strategy

ROWS, CLOUDS = 600, 12
NAMES = [strategy.name for strategy in STRATEGIES]


class World:
    """Twelve clouds of fifty items; a yes and a no in the first two."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.cloud = np.arange(ROWS) % CLOUDS
        centres = np.eye(CLOUDS, dtype=np.float32) * 8
        self.vectors = (centres[self.cloud] + rng.normal(size=(ROWS, CLOUDS))).astype(np.float32)
        self.scores = rng.uniform(0.01, 0.4, ROWS).astype(np.float32)
        self.committee = np.clip(self.scores + rng.normal(0, 0.2, (8, ROWS)), 0, 1).astype(np.float32)
        self.present = np.ones(ROWS, dtype=np.bool_)
        self.labelled = (np.array([0, 1, 12, 13], dtype=np.uint64), np.array([True, False, True, False]))

    def around(self, **more: object) -> Around:
        parts = {"vectors": self.vectors, "labelled": self.labelled, "committee": self.committee}
        clusters = self.cloud.astype(np.int32)
        return Around(**{**parts, "clusters": lambda: clusters, **more})  # type: ignore[arg-type]

    def select(self, name: str, count: int = 20, seed: int = 0, scores: object = "own", **more: object) -> Selection:
        rng = np.random.default_rng(seed)
        known = self.scores if isinstance(scores, str) else scores
        excluded = self.labelled[0]
        return select(find_strategy(name), known, self.present, excluded, count, rng, self.around(**more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


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


def test_hybrid_explores_clusters_without_a_label_while_nothing_likely_is_left(world: World) -> None:
    chosen = world.select("hybrid", 20, scores=world.scores * 0.01)
    assert 7 <= Counter(chosen.reasons)["explore"] <= 8  # .4 of 20, and a little less for the little that is likely
    assert Counter(chosen.reasons)["boundary"] == 6
    explored = [item for item, why in zip(chosen.items.tolist(), chosen.reasons, strict=True) if why == "explore"]
    clouds = world.cloud[explored].tolist()
    assert len(set(clouds)) == len(clouds)
    assert not set(clouds) & {0, 1}


def test_hybrid_explores_nothing_while_likely_images_are_left(world: World) -> None:
    likely = world.scores.copy()
    likely[100:130] = 0.99
    chosen = world.select("hybrid", 20, scores=likely)
    assert Counter(chosen.reasons) == {"exploit": 14, "boundary": 6}
    best = [item for item, why in zip(chosen.items.tolist(), chosen.reasons, strict=True) if why == "exploit"]
    assert set(best) <= set(range(100, 130))


def test_hybrid_exploits_near_known_positives_where_the_head_is_not_sure(world: World) -> None:
    def clouds(weight: float) -> set[int]:
        scores = np.full(ROWS, 0.2, dtype=np.float32)
        chosen = world.select("hybrid", 20, scores=scores, parameters={"likeness": weight})
        picks = zip(chosen.items.tolist(), chosen.reasons, strict=True)
        return {int(world.cloud[item]) for item, why in picks if why == "exploit"}

    assert clouds(1.0) == {0}  # the yes are in the first cloud, the no in the second
    assert len(clouds(0.0)) > 2


def test_hybrid_explores_more_for_a_class_that_has_clouds_of_its_own(world: World) -> None:
    """The best promise 6 %: enough for a class that is everywhere, and little for one that fills its clusters."""
    scores = np.full(ROWS, 0.06, dtype=np.float32)
    items = np.arange(0, 10 * CLOUDS, CLOUDS, dtype=np.uint64)  # ten of the first cloud

    def explored(positive: object) -> int:
        chosen = world.select("hybrid", 20, scores=scores, labelled=(items, np.array(positive, dtype=np.bool_)))
        return Counter(chosen.reasons)["explore"]

    assert explored([True] * 10) == explored([True] * 5 + [False] * 5) == round(20 * 0.4 * (1 - 8 * 0.06))
    assert explored([True] * 3 + [False] * 7) == round(20 * 0.4 * (1 - 8 * 0.06 * 0.3 / (2 / 9)))
    assert explored([True] + [False] * 9) == 0
    assert explored([False] * 10) == round(
        20 * 0.4 * (1 - 8 * 0.06)
    )  # no positive is known: nothing is said about the class


def test_hybrid_does_not_explore_while_each_known_positive_stands_alone(world: World) -> None:
    scores = np.full(ROWS, 0.001, dtype=np.float32)
    chosen = world.select(
        "hybrid", 20, scores=scores, labelled=(np.array([0, 1, 12, 13]), np.array([True, True, False, False]))
    )
    assert Counter(chosen.reasons)["explore"] == 0


def test_hybrid_looks_at_clusters_only_where_it_may_explore(world: World) -> None:
    def clusters() -> Clusters:
        raise AssertionError("asked for")

    assert len(world.select("hybrid", 20, scores=np.full(ROWS, 0.2, np.float32), clusters=clusters).items) == 20
    with pytest.raises(AssertionError, match="asked for"):
        world.select("hybrid", 20, scores=np.full(ROWS, 0.01, np.float32), clusters=clusters)


def test_the_beginning_of_a_hybrid_batch_is_the_same_mixture(world: World) -> None:
    chosen = world.select("hybrid", 40, scores=world.scores * 0.01)
    assert set(chosen.reasons[:8]) == {"exploit", "boundary", "explore"}


def test_the_first_batch_of_hybrid_looks_into_as_many_clusters_as_it_can(world: World) -> None:
    nobody = (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.bool_))
    chosen = world.select("hybrid", CLOUDS, scores=None, labelled=nobody)
    assert len(set(world.cloud[chosen.items].tolist())) == CLOUDS
    assert set(chosen.reasons) == {"explore"}


def test_hybrid_takes_its_shares_from_the_parameters(world: World) -> None:
    low = world.scores * 0.001
    chosen = world.select("hybrid", 20, scores=low, parameters={"boundary": 0.5, "explore": 0.0})
    assert Counter(chosen.reasons) == {"exploit": 10, "boundary": 10}


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


def test_k_means_finds_the_clouds_and_leaves_out_what_is_absent(world: World) -> None:
    present = world.present.copy()
    present[:30] = False
    found = k_means(world.vectors, present)
    assert (found[:30] == -1).all()
    for cluster in range(found.max() + 1):
        inside = world.cloud[found == cluster]
        assert len(set(inside.tolist())) == 1  # a cluster lies within one cloud
    assert found.tolist() == k_means(world.vectors, present).tolist()


def test_k_means_of_next_to_nothing() -> None:
    assert k_means(np.zeros((0, 3), np.float32), np.zeros(0, np.bool_)).tolist() == []
    assert k_means(np.ones((3, 2), np.float32), np.zeros(3, np.bool_)).tolist() == [-1, -1, -1]
    assert k_means(np.zeros((30, 2), np.float32), np.ones(30, np.bool_)).tolist() == [0] * 30  # all alike


def test_the_number_of_clusters_grows_with_the_pool_and_stops() -> None:
    assert [number_of_clusters(items) for items in (1, 100, 1_000, 20_000, 1_000_000)] == [1, 10, 50, 100, 300]


def test_spread_never_draws_the_same_direction_twice() -> None:
    rows = unit(np.repeat(np.eye(4, dtype=np.float32), 5, axis=0))
    chosen = spread(rows, 10, np.random.default_rng(0))
    assert sorted((chosen // 5).tolist()) == [0, 1, 2, 3]


def test_unit_rows_of_zeros_stay_zeros(tmp_path: Path) -> None:
    assert unit(np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert np.allclose(np.linalg.norm(unit(np.full((1, 3), 1e-20, np.float32)), axis=1), 1)
