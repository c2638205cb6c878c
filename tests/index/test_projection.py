"""The map: two axes, found once, the same every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import index_pb2
from protos.common_pb2 import Generation
from protos.errors import NotFoundError
from services.index import projection
from services.index.projection import MOST, NOWHERE, project

if TYPE_CHECKING:
    from tests.index.conftest import Room


def blobs(rows: int = 400, dim: int = 20) -> np.ndarray:
    """Two groups far apart, 10 long along one axis, 1 along another."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(scale=0.1, size=(rows, dim)).astype(np.float32)
    vectors[: rows // 2, 3] += 10
    vectors[:, 7] += np.linspace(0, 4, rows, dtype=np.float32)
    return vectors


def test_the_axes_are_those_of_the_largest_variance_and_have_one_scale() -> None:
    vectors = blobs()
    points = project(vectors, np.ones(len(vectors), dtype=np.bool_)).astype(np.float64)
    assert (
        points[:200, 0].min() > points[200:, 0].max()
    )  # the groups lie apart on x, in the direction of the larger component
    wide, high = np.ptp(points, axis=0)
    assert 0.85 * MOST < wide < MOST and 0.1 * wide < high < 0.9 * wide
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    for axis in (0, 1):
        assert abs(np.corrcoef(centred @ axes[axis], points[:, axis])[0, 1]) > 0.999


def test_what_has_no_vector_is_nowhere_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_ROWS", 7)
    monkeypatch.setattr(projection, "_SAMPLE", 50)
    vectors, present = blobs(), np.ones(400, dtype=np.bool_)
    present[[0, 9, 399]] = False
    points = project(vectors, present)
    assert np.array_equal((points == NOWHERE).all(axis=1), ~present)
    assert (points[present] <= MOST).all()
    assert np.array_equal(points, project(vectors, present))


def test_an_outlier_does_not_press_the_others_together() -> None:
    vectors = blobs(4000)
    vectors[17, 3] = 1e6
    points = project(vectors, np.ones(4000, dtype=np.bool_))
    assert np.ptp(np.delete(points, 17, axis=0).astype(np.int64), axis=0).max() > 0.5 * MOST


@pytest.mark.parametrize("vectors", [np.ones((5, 4)), np.arange(6.0).reshape(6, 1), np.zeros((1, 3))])
def test_vectors_that_hardly_differ_have_a_place_all_the_same(vectors: np.ndarray) -> None:
    points = project(vectors.astype(np.float32), np.ones(len(vectors), dtype=np.bool_))
    assert points.shape == (len(vectors), 2) and (points <= MOST).all()


def test_of_directions_only_the_direction_counts() -> None:
    vectors = blobs()
    present = np.ones(len(vectors), dtype=np.bool_)
    longer = vectors * np.linspace(1, 5, len(vectors), dtype=np.float32)[:, None]
    assert np.abs(project(vectors, present, True).astype(int) - project(longer, present, True)).max() <= 1


def test_a_generation_is_drawn_once_and_another_not_at_all(room: Room) -> None:
    generation = room.build().generation
    first, again = (room.stub.Project(index_pb2.ProjectRequest(run="r", generation=generation)) for _ in range(2))
    assert first.run == "r" and first.points == again.points
    points = np.load(room.store.open(first.points))
    assert set(np.flatnonzero((points == NOWHERE).all(axis=1)).tolist()) == room.quarantined
    with pytest.raises(NotFoundError, match=r"there is no generation .* put it back"):
        room.stub.Project(index_pb2.ProjectRequest(run="r", generation=Generation(id="0" * 32)))
