"""The ranking by the head and by the nearest labels."""

from __future__ import annotations

import numpy as np
import pytest

from services.sampler.strategies import likeness
from services.sampler.strategies.likeness import SHORTLIST, likeliest
from services.sampler.strategies.pool import Pool

ROWS = 300


def _pool(scores: object = 0.1, labelled: object = (0, 1), positive: object = (True, False), rows: int = ROWS) -> Pool:
    """Rows on a half circle, from the direction of item 0 to that of the last; item 1 lies where the last lies."""
    angle = np.linspace(0, np.pi, rows)
    angle[1] = np.pi
    vectors = 5 * np.stack((np.cos(angle), np.sin(angle)), axis=1).astype(np.float32)
    mask = np.ones(rows, dtype=np.bool_)
    known = np.array(labelled, dtype=np.int64)
    mask[known] = False
    return Pool(
        mask=mask,
        scores=np.broadcast_to(np.asarray(scores, dtype=np.float32), rows),
        vectors=vectors,
        labelled=known,
        positive=np.array(positive, dtype=np.bool_),
    )


def _picked(pool: Pool, count: int, weight: float = 1.0) -> list[int]:
    return likeliest(pool, pool.items, count, weight, np.random.default_rng(0)).tolist()


def test_of_images_that_the_head_scores_alike_those_near_a_positive_and_far_from_a_negative_come_first() -> None:
    assert _picked(_pool(), 4) == [2, 3, 4, 5]
    assert _picked(_pool(positive=(False, True)), 3) == [299, 298, 297]


def test_both_count_and_the_weight_says_how_much() -> None:
    pool = _pool(scores=np.linspace(0.01, 0.2, ROWS))  # the head would have the far end
    assert _picked(pool, 3, weight=0.0) == [299, 298, 297]
    places = [np.mean(_picked(pool, 3, weight)) for weight in (4.0, 40.0, 100.0, 400.0)]
    assert places == sorted(places, reverse=True)
    assert places[0] > 280
    assert places[-1] < 50


def test_many_known_positives_are_trusted_more_than_few() -> None:
    scores = np.linspace(0.01, 0.2, ROWS)
    few = _pool(scores, labelled=(0, 1), positive=(True, False))
    many = _pool(scores, labelled=(*range(2, 42), 1), positive=(*[True] * 40, False))
    assert np.mean(_picked(many, 3, 4.0)) < 150 < np.mean(_picked(few, 3, 4.0))


@pytest.mark.parametrize(("labelled", "positive"), [((), ()), ((0,), (True,)), ((0, 1), (False, False))])
def test_without_labels_of_both_kinds_the_head_decides(labelled: object, positive: object) -> None:
    pool = _pool(scores=np.linspace(0.01, 0.2, ROWS), labelled=labelled, positive=positive)
    assert _picked(pool, 3) == [299, 298, 297]


def test_only_the_images_with_the_highest_scores_are_compared() -> None:
    rows = SHORTLIST + 100
    scores = np.full(rows, 0.2)
    scores[2:52] = 0.1  # the nearest to the positive
    assert _picked(_pool(scores, rows=rows), 3) == [52, 53, 54]


def test_many_labels_are_compared_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    known = rng.choice(ROWS, 60, replace=False)
    pool = _pool(rng.uniform(0.1, 0.3, ROWS), known, rng.random(60) < 0.3)
    whole = _picked(pool, 100)
    monkeypatch.setattr(likeness, "_CHUNK", 7)
    assert _picked(pool, 100) == whole


def test_probabilities_of_0_and_1_and_rows_of_zeros_are_ranked() -> None:
    scores = np.full(ROWS, 0.5)
    scores[10], scores[20] = 1.0, 0.0
    pool = _pool(scores)
    assert pool.vectors is not None
    pool.vectors[30:40] = 0
    ranked = _picked(pool, ROWS)
    assert sorted(ranked) == pool.items.tolist()
    assert ranked[0] == 10
    assert ranked[-1] == 20


def test_fewer_than_asked_for_are_all_given() -> None:
    pool = _pool()
    assert sorted(likeliest(pool, pool.items[:5], 9, 1.0, np.random.default_rng(0)).tolist()) == [2, 3, 4, 5, 6]
