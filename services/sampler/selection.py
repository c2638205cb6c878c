"""From artifacts to picks: the pool, the checks, the draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.registry import Strategy
from services.sampler.strategies import Items, Pool, Scores

MOST_PICKS = 200_000  # what surely fits one message


@dataclass(frozen=True)
class Selection:
    """Picked items int64 [count], best first, their scores float32 [count] (not-a-number without), the pool's size."""

    items: Items
    scores: Scores
    pool: int


def select(
    strategy: Strategy,
    scores: Scores | None,
    present: Pool,
    excluded: NDArray[np.uint64],
    count: int,
    rng: np.random.Generator,
) -> Selection:
    """Picks ``count`` different items of the pool.

    Args:
        strategy: how.
        scores: float32 [rows], probability of the positive class; may be None for a strategy that needs none.
        present: bool [rows], false for items without an embedding.
        excluded: items that may not be picked: labelled, held or set aside.
        count: how many.
        rng: the only source of chance.

    Raises:
        InvalidInputError: when there are fewer than ``count``, or the arrays do not fit each other.
    """
    if scores is None and strategy.needs_scores:
        raise InvalidInputError(f"strategy {strategy.name} needs scores; train a head first, or choose random")
    if scores is None:
        scores = np.full(len(present), np.nan, dtype=np.float32)
    pool = make_pool(strategy, scores, present, excluded)
    size = int(np.count_nonzero(pool))
    _check_count(strategy, count, size)
    items = strategy.query(scores, pool, count, rng)
    return Selection(items, scores[items], size)


def make_pool(strategy: Strategy, scores: Scores, present: Pool, excluded: NDArray[np.uint64]) -> Pool:
    """Bool [rows]: what is present, not excluded and, where the strategy looks at scores, has one."""
    if len(scores) != len(present):
        raise InvalidInputError(
            f"{len(scores)} scores do not belong to {len(present)} items; score the newest generation again"
        )
    if len(excluded) and excluded.max() >= len(present):
        raise InvalidInputError(
            f"item {excluded.max()} is excluded, but there are only {len(present)} items, counted from 0"
        )
    pool = np.array(present, dtype=np.bool_)
    pool[excluded.astype(np.int64)] = False
    if strategy.needs_scores:
        pool &= np.isfinite(scores)
        _check_range(scores, pool)
    return pool


def _check_range(scores: Scores, pool: Pool) -> None:
    outside = np.flatnonzero(pool & ((scores < 0) | (scores > 1)))
    if len(outside):
        item = int(outside[0])
        raise InvalidInputError(f"the score of item {item} is {scores[item]:g}, which is no probability; score again")


def _check_count(strategy: Strategy, count: int, pool: int) -> None:
    if not 1 <= count <= MOST_PICKS:
        raise InvalidInputError(f"{count} images cannot be selected at once; set sample_size to 1 to {MOST_PICKS}")
    if count > pool:
        remedy = (
            f"set sample_size to {pool} or less" if pool else "every image is labelled or set aside: finish the run"
        )
        raise InvalidInputError(
            f"{strategy.name} was asked for {count} images, but the pool has only {pool} left; {remedy}"
        )
