"""hybrid: what it explores, what it exploits, and what it takes its shares from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from services.sampler.strategies.pool import Clusters
from tests.sampler.world import CLOUDS, ROWS, World


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
