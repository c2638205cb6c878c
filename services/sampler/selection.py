"""From artifacts to picks: the pool, the checks, the wrappers, the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.neighbours import apart
from services.sampler.strategies.pool import Clusters, Items, Mask, Picks, Pool, Scores, Vectors
from services.sampler.strategies.strategy import COMMITTEE, VECTORS, Strategy

MOST_PICKS = 200_000  # what surely fits one message
_NOBODY: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True)
class Around:
    """What a selection may look at or be told beyond the scores.

    Attributes:
        vectors: float32 [rows, dim].
        labelled: items with a yes or a no, [n] uint64, and whether it was yes, [n] bool.
        committee: float32 [members, rows].
        clusters: gives the cluster of each item, int32 [rows].
        threshold: the probability where yes begins.
        parameters: of the strategy, by name; the rest has its defaults.
        candidates: only these may be picked, [n] uint64; all, when empty or when fewer of them than wanted are in the pool.
        no_closer_than: the largest cosine between two picks; 0: no limit.
        anchors: so many items of the pool, by lot, are looked at; 0: all.
    """

    vectors: Vectors | None = None
    labelled: tuple[NDArray[np.uint64], Mask] = field(default_factory=lambda: (_NOBODY, np.empty(0, dtype=np.bool_)))
    committee: Scores | None = None
    clusters: Callable[[], Clusters] | None = None
    threshold: float = 0.5
    parameters: Mapping[str, float] = field(default_factory=dict)
    candidates: NDArray[np.uint64] = field(default_factory=lambda: _NOBODY)
    no_closer_than: float = 0.0
    anchors: int = 0


@dataclass(frozen=True)
class Selection:
    """Picked items int64 [count], best first, with scores float32 [count] (not-a-number without), reasons, the pool's size."""

    items: Items
    scores: Scores
    pool: int
    reasons: tuple[str, ...] = ()


def select(
    strategy: Strategy,
    scores: Scores | None,
    present: Mask,
    excluded: NDArray[np.uint64],
    count: int,
    rng: np.random.Generator,
    around: Around | None = None,
) -> Selection:
    """Picks ``count`` different items of the pool.

    Args:
        strategy: how.
        scores: float32 [rows], probability of the positive class; may be None for a strategy that needs none.
        present: bool [rows], false for items without an embedding.
        excluded: items that may not be picked: labelled, held or set aside.
        count: how many.
        rng: the only source of chance.
        around: what else it may look at.

    Raises:
        InvalidInputError: when there are fewer than ``count``, or the arrays do not fit each other.
    """
    around = around or Around()
    if scores is None and strategy.needs_scores:
        raise InvalidInputError(f"strategy {strategy.name} needs scores; train a head first, or choose random")
    if scores is None:
        scores = np.full(len(present), np.nan, dtype=np.float32)
    _check_around(strategy, around, len(present))
    mask = make_pool(strategy, scores, present, excluded)
    size = int(np.count_nonzero(mask))
    _check_count(strategy, count, size)
    mask = _narrowed(mask, count, around, rng)
    labelled = around.labelled[0].astype(np.int64)
    pool = Pool(
        mask=mask,
        scores=scores,
        vectors=around.vectors,
        labelled=labelled,
        positive=np.asarray(around.labelled[1], dtype=np.bool_),
        threshold=around.threshold,
        committee=around.committee,
        parameters=complete_parameters(strategy, around.parameters),
        clusters=around.clusters,
    )
    picks = _apart(strategy, pool, count, around.no_closer_than, rng)
    return Selection(picks.items, scores[picks.items], size, picks.reasons)


def _apart(strategy: Strategy, pool: Pool, count: int, limit: float, rng: np.random.Generator) -> Picks:
    """The picks; with a limit, near-duplicates of better picks give way to the next ones of a longer ranking."""
    if not limit:
        return strategy.query(pool, count, rng)
    wanted = min(4 * count, int(np.count_nonzero(pool.mask)))
    picks = strategy.query(pool, wanted, rng)
    kept = apart(pool, picks.items, count, limit)
    return Picks(picks.items[kept], tuple(picks.reasons[place] for place in kept.tolist()))


def _narrowed(mask: Mask, count: int, around: Around, rng: np.random.Generator) -> Mask:
    if len(around.candidates):
        among = np.zeros(len(mask), dtype=np.bool_)
        among[_within("candidate", around.candidates, len(mask))] = True
        among &= mask
        mask = among if np.count_nonzero(among) >= count else mask
    if around.anchors and np.count_nonzero(mask) > max(around.anchors, count):
        drawn = rng.choice(np.flatnonzero(mask), max(around.anchors, count), replace=False)
        mask = np.zeros(len(mask), dtype=np.bool_)
        mask[drawn] = True
    return mask


def complete_parameters(strategy: Strategy, given: Mapping[str, float]) -> dict[str, float]:
    """All parameters of a strategy.

    Raises:
        InvalidInputError: when one is unknown or out of its range.
    """
    known = {parameter.name: parameter for parameter in strategy.parameters}
    for name, value in given.items():
        if name not in known:
            words = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InvalidInputError(f"strategy {strategy.name} has no parameter {name!r}; {words}")
        least, most = known[name].least, known[name].most
        if not least <= value <= most:
            raise InvalidInputError(
                f"parameter {name} of strategy {strategy.name} is {value:g}; it must be from {least:g} to {most:g}"
            )
    complete = {name: parameter.default for name, parameter in known.items()} | dict(given)
    shares = [name for name in ("boundary", "explore") if name in complete]
    if sum(complete[name] for name in shares) > 1.0 + 1e-9:
        raise InvalidInputError(
            f"{' and '.join(shares)} of strategy {strategy.name} are more than 1 together; lower one"
        )
    return complete


def _check_around(strategy: Strategy, around: Around, rows: int) -> None:
    if VECTORS in strategy.needs and (around.vectors is None or around.clusters is None):
        raise InvalidInputError(f"strategy {strategy.name} needs vectors; send those of the newest generation")
    if COMMITTEE in strategy.needs and around.committee is None:
        raise InvalidInputError(f"strategy {strategy.name} needs a committee; score one of kind {strategy.committee}")
    for what, found in (
        ("vectors", around.vectors),
        ("votes of each member", None if around.committee is None else around.committee.T),
    ):
        if found is not None and len(found) != rows:
            raise InvalidInputError(
                f"{len(found)} {what} do not belong to {rows} items; send those of the newest generation"
            )
    if not 0 < around.threshold < 1:
        raise InvalidInputError(f"a threshold of {around.threshold:g} is no probability between 0 and 1")
    if not 0 <= around.no_closer_than < 1:
        raise InvalidInputError(
            f"no_closer_than is {around.no_closer_than:g}; it is a cosine from 0 (no limit) to below 1"
        )
    if around.no_closer_than and around.vectors is None:
        raise InvalidInputError("picks that shall not be too alike need vectors; send those of the newest generation")
    _within("labelled", around.labelled[0], rows)


def _within(what: str, items: NDArray[np.uint64], rows: int) -> Items:
    if len(items) and items.max() >= rows:
        raise InvalidInputError(f"item {items.max()} is {what}, but there are only {rows} items, counted from 0")
    return items.astype(np.int64)


def make_pool(strategy: Strategy, scores: Scores, present: Mask, excluded: NDArray[np.uint64]) -> Mask:
    """Bool [rows]: what is present, not excluded and, where the strategy looks at scores, has one."""
    if len(scores) != len(present):
        raise InvalidInputError(
            f"{len(scores)} scores do not belong to {len(present)} items; score the newest generation again"
        )
    pool = np.array(present, dtype=np.bool_)
    pool[_within("excluded", excluded, len(present))] = False
    if strategy.needs_scores:
        pool &= np.isfinite(scores)
        _check_range(scores, pool)
    return pool


def _check_range(scores: Scores, pool: Mask) -> None:
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
