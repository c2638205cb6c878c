"""Which images of the data set are wanted, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError

if TYPE_CHECKING:
    from services.labeler.browsing import Marks

WORDS = {"none": 0, "positive": 1, "negative": 2, "unsure": 3}


@dataclass(frozen=True)
class Filter:
    """Which images, and in which order; None: whatever.

    Attributes:
        label: a word of `WORDS`.
        low, high: bounds of the probability; images without one are left out where either is given.
        round, annotator: of the newest answer.
        disagreement: only images about which two people say different things.
        flagged: only images that somebody has flagged or noted something on.
        quarantined: only images that were set aside because they cannot be read.
        sort: "item", "highest", "lowest" or "unsure" (closest to 0.5 first); images without a probability come last.
    """

    label: str | None = None
    low: float | None = None
    high: float | None = None
    round: int | None = None
    annotator: str | None = None
    disagreement: bool = False
    flagged: bool = False
    quarantined: bool = False
    sort: str = "item"


def fitting(marks: Marks, wanted: Filter, scores: NDArray[np.float32] | None) -> NDArray[np.bool_]:
    """Which images fit [rows]; neither flags nor the quarantine are looked at.

    Args:
        scores: probabilities [rows], where there are any.
    """
    mask = np.ones(len(marks.label), dtype=np.bool_)
    if wanted.label is not None:
        mask &= marks.label == WORDS[wanted.label]
    if wanted.round is not None:
        mask &= marks.round == wanted.round
    if wanted.annotator is not None:
        mask &= among(len(mask), np.array(list(marks.own(wanted.annotator)), dtype=np.int64))
    if wanted.disagreement:
        mask &= among(len(mask), marks.disputed())
    if scores is not None and wanted.low is not None:
        mask &= scores >= wanted.low
    if scores is not None and wanted.high is not None:
        mask &= scores <= wanted.high
    return mask


def among(rows: int, items: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of so many images are of ``items`` [rows]."""
    mask = np.zeros(rows, dtype=np.bool_)
    mask[items] = True
    return mask


def ordered(found: NDArray[np.int64], how: str, scores: NDArray[np.float32] | None) -> NDArray[np.int64]:
    """Images in the order that ``Filter.sort`` names.

    Raises:
        InvalidInputError: when there is no such order.
    """
    if how == "item" or scores is None:
        return found
    score = scores[found]
    keys = {"highest": -score, "lowest": score, "unsure": np.abs(score - 0.5)}
    if how not in keys:
        raise InvalidInputError(f"there is no order {how[:40]!r}; take item, {', '.join(keys)}")
    return found[np.argsort(keys[how], kind="stable")]  # not-a-number sorts last
