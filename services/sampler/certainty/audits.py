"""What an audit shows: a uniform draw, labelled by people, bounds how much was missed or is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.certainty.hypergeometric import draws_needed, most_marked

CONFIDENCE = 0.95
RECALL, PRECISION, PREVALENCE = "recall", "precision", "prevalence"
_MOST_ROWS = 100_000  # drawn of a whole catalog at once


@dataclass(frozen=True)
class Audit:
    """A draw and what people said to it.

    Attributes:
        pool: items that it was drawn from.
        drawn: items drawn uniformly, without replacement.
        positive: positives among these.
        found: positives among what was answered before the draw; of precision they are in the set because people named them.
        doubtful: drawn items that people could not tell; they may be either, so they count against what is to be shown.
    """

    pool: int
    drawn: int
    positive: int
    found: int = 0
    doubtful: int = 0

    def __post_init__(self) -> None:
        if not self.positive + self.doubtful <= self.drawn <= self.pool:
            doubtful = f" and {self.doubtful} in doubt" if self.doubtful else ""
            raise InvalidInputError(
                f"an audit of {self.drawn} images with {self.positive} positives{doubtful} cannot come from a pool of {self.pool}"
            )


@dataclass(frozen=True)
class Shown:
    """An estimate, its exact lower bound, and the upper bound of what counts against it, in items of the pool."""

    estimate: float
    at_least: float
    at_most: int


def recall_shown(audit: Audit, confidence: float = CONFIDENCE, found_now: int | None = None) -> Shown:
    """Recall by a uniform audit of what was not labelled.

    All positives there are T = F + K: those among what was answered before the draw, and those in the pool. The draw bounds K,
    and T never changes afterwards, so an audit does not go stale: positives found since then, in the draw or by labelling on,
    only raise ``found_now`` / (F + K). Without a positive anywhere there is nothing to miss where the bound of K is 0, too.

    A drawn item that is in doubt counts as a positive that was not found, whatever it is: K is no smaller for it, and
    ``found_now`` no larger.

    Args:
        audit: the draw.
        confidence: of the bound.
        found_now: positives known by now; None: those before the draw and those in it.
    """
    now = audit.found + audit.positive if found_now is None else found_now
    hits = audit.positive + audit.doubtful
    at_most = most_marked(audit.pool, audit.drawn, hits, confidence)
    share = hits / audit.drawn if audit.drawn else float("nan")
    estimate = audit.found + audit.pool * share
    return Shown(_share(now, estimate), _share(now, audit.found + at_most), at_most)


def precision_shown(audit: Audit, confidence: float = CONFIDENCE) -> Shown:
    """Precision of a set by a uniform draw from the accepted pool; ``positive`` are those that surely belong there.

    The set holds the pool without what the draw has found wrong or in doubt, and the ``found`` that people named, which count
    as right. The draw bounds the wrong ones in the pool. What people look at and name afterwards adds no error, and can only
    raise the share.
    """
    wrong = audit.drawn - audit.positive
    at_most = most_marked(audit.pool, audit.drawn, wrong, confidence)
    size = audit.found + audit.pool - wrong
    estimate = float("nan")
    if audit.drawn:
        estimate = 1 - (audit.pool * wrong / audit.drawn - wrong) / size if size else 1.0
    return Shown(estimate, 1 - (at_most - wrong) / size if size else 1.0, at_most)


def plan(kind: str, target: float, pool: int, found: int = 0, confidence: float = CONFIDENCE) -> int | None:
    """The number of swipes that show ``target`` when none of them is a surprise; None where it cannot be shown.

    A surprise is a positive (recall) or an image that does not belong there (precision). For recall with no surprise the
    bound F / (F + K) has to reach the target with the F of today: K <= F (1 - target) / target. For precision the errors in the
    pool have to be few among these and the F that people named: K <= (F + pool) (1 - target).

    Raises:
        InvalidInputError: for a target or confidence outside (0, 1), or another kind.
    """
    check_share(target, "target")
    check_share(confidence, "confidence")
    if kind == PRECISION:
        return draws_needed(pool, _floor((found + pool) * (1 - target)), confidence)
    if kind != RECALL:
        raise InvalidInputError(f"there is no audit of {kind[:40]!r}; choose recall or precision")
    if not found:
        return None
    return draws_needed(pool, _floor(found * (1 - target) / target), confidence)


def draw(pool: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` items [count] int64 of a pool bool [rows], each set of them as likely as any other, in the order of the draw.

    Raises:
        InvalidInputError: when the pool has fewer, or none are wanted.
    """
    items = np.flatnonzero(pool)
    if not 1 <= count <= len(items):
        raise InvalidInputError(
            f"an audit of {count} images cannot be drawn from {len(items)}; ask for 1 to {len(items)}"
        )
    return rng.choice(items, count, replace=False)


def draw_rows(rows: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` of all rows of a catalog, [count] int64 in the order of the draw; no array of all rows is needed for it.

    Raises:
        InvalidInputError: when there are fewer, none are wanted, or more than 100,000.
    """
    most = min(rows, _MOST_ROWS)
    if not 1 <= count <= most:
        raise InvalidInputError(f"{count} images cannot be drawn from {rows} at once; ask for 1 to {most}")
    return rng.choice(rows, count, replace=False)


def check_share(value: float, name: str) -> None:
    """Refuses what is not between 0 and 1."""
    if not 0 < value < 1:
        raise InvalidInputError(f"{name} is {value:g}; give a share between 0 and 1, for example 0.9")


def _share(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole else (1.0 if whole == 0 else float("nan"))


def _floor(value: float) -> int:
    """Whole items; 10 * (1 - 0.9) is 1 and not 0.9999999999999998."""
    return int(value + 1e-9)
