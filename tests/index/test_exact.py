"""Exact search is what a straightforward one in double precision finds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from services.index import exact
from services.index.exact import nearest

METRICS = ["euclidean", "angular"]


def _plain(vectors: np.ndarray, present: np.ndarray, query: np.ndarray, k: int, metric: str) -> list[tuple[int, float]]:
    """One loop, no tricks: sorted by distance, then item."""
    wide, target = vectors.astype(np.float64), query.astype(np.float64)
    found = []
    for item in np.flatnonzero(present).tolist():
        if metric == "euclidean":
            found.append((float(np.sqrt(((wide[item] - target) ** 2).sum())), item))
            continue
        lengths = np.linalg.norm(wide[item]) * np.linalg.norm(target)
        cosine = wide[item] @ target / lengths if lengths else 0.0
        found.append((float(np.sqrt(max(0.0, 2 - 2 * cosine))), item))
    return [(item, distance) for distance, item in sorted(found)[:k]]


def _same(
    found: list[tuple[list[int], list[float]]], expected: list[list[tuple[int, float]]], atol: float = 1e-7
) -> None:
    for (items, distances), pairs in zip(found, expected, strict=True):
        assert items == [item for item, _ in pairs]
        assert np.allclose(distances, [distance for _, distance in pairs], rtol=1e-6, atol=atol)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 10, 300])
def test_as_a_plain_search(metric: str, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_CHUNK_BYTES", 4096)  # many chunks
    monkeypatch.setattr(exact, "_QUERIES", 3)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(800, 12)).astype(np.float32)
    present = rng.random(800) < 0.8
    queries = rng.normal(size=(7, 12)).astype(np.float32)
    _same(
        nearest(vectors, present, queries, k, metric), [_plain(vectors, present, q, k, metric) for q in queries], 1e-6
    )


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_close_vectors_far_from_zero(offset: float) -> None:
    """Raw features of pixels 0-255 have large norms; their differences must not drown in them."""
    rng = np.random.default_rng(1)
    vectors = (offset + rng.normal(size=(3000, 16))).astype(np.float32)
    queries = (offset + rng.normal(size=(5, 16))).astype(np.float32)
    present = np.ones(3000, dtype=np.bool_)
    found = nearest(vectors, present, queries, 10, "euclidean")
    _same(found, [_plain(vectors, present, query, 10, "euclidean") for query in queries])


@pytest.mark.parametrize("metric", METRICS)
def test_equal_vectors_come_in_the_order_of_their_items(metric: str) -> None:
    vectors = np.ones((50, 4), dtype=np.float32)
    present = np.arange(50) % 2 == 1
    assert nearest(vectors, present, vectors[:1], 4, metric)[0][0] == [1, 3, 5, 7]


def test_vector_without_direction_is_at_a_right_angle_to_all() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0], [0, 2]], dtype=np.float32)
    present = np.ones(4, dtype=np.bool_)
    items, distances = nearest(vectors, present, vectors[1:2], 4, "angular")[0]
    assert items == [1, 0, 3, 2]
    assert np.allclose(distances, [0, np.sqrt(2), np.sqrt(2), 2])
    items, distances = nearest(vectors, present, vectors[:1], 4, "angular")[0]
    assert items == [0, 1, 2, 3]
    assert np.allclose(distances, np.sqrt(2))


def test_numbers_that_overflow_are_far_away_but_there() -> None:
    vectors = np.full((2000, 4), 3e38, dtype=np.float32)
    vectors[7], vectors[9] = 0, 1
    present = np.arange(2000) % 2 == 1
    query = np.zeros((1, 4), dtype=np.float32)
    items, distances = nearest(vectors, present, query, 10, "euclidean")[0]
    assert items[:2] == [7, 9]
    assert present[items].all()
    assert len(set(items)) == 10
    assert np.isfinite(distances).all()


@pytest.mark.parametrize("metric", METRICS)
def test_no_queries(metric: str) -> None:
    assert (
        nearest(np.zeros((500, 4), np.float32), np.ones(500, np.bool_), np.zeros((0, 4), np.float32), 3, metric) == []
    )


def test_many_vectors_are_quick() -> None:
    vectors = np.random.default_rng(0).random((100_000, 64), dtype=np.float32)
    start = time.process_time()
    nearest(vectors, np.ones(100_000, dtype=np.bool_), vectors[:20], 10, "euclidean")
    assert time.process_time() - start < 30
