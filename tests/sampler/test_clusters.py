"""Clusters of a pool, and directions that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.sampler.clusters import k_means, number_of_clusters, spread
from services.sampler.strategies.pool import unit
from tests.sampler.world import World


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
