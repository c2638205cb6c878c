"""The curated set: which side each image is on, and who said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError

POSITIVE, NEGATIVE, NEITHER = 1, 0, -1
_OF_ANSWER = {"positive": POSITIVE, "negative": NEGATIVE, "unsure": NEITHER}


@dataclass(frozen=True)
class Sides:
    """The side of each image.

    Attributes:
        side: int8 [rows]; 1 positive, 0 negative, -1 neither (unsure, or without an embedding).
        labelled: bool [rows]; a person said so, or else the head did.
    """

    side: NDArray[np.int8]
    labelled: NDArray[np.bool_]

    def count(self, side: int) -> int:
        """How many images are on a side."""
        return int((self.side == side).sum())


@dataclass(frozen=True)
class Quality:
    """How right the positive side is; not-a-number where it is not defined."""

    precision: float
    recall: float


def choose_sides(scores: NDArray[np.float32], answers: Mapping[int, str], threshold: float = 0.5) -> Sides:
    """Labelled images by their label, every other one by ``probability >= threshold``.

    Args:
        scores: probability of the positive class [rows]; not-a-number where there is none (not embedded, or no head yet).
        answers: item -> "positive", "negative" or "unsure".
        threshold: between 0 and 1.

    Raises:
        InvalidInputError: when an answer is of an item that has no row.
    """
    side = np.where(scores >= threshold, POSITIVE, NEGATIVE).astype(np.int8)
    side[np.isnan(scores)] = NEITHER
    labelled = np.zeros(len(scores), dtype=np.bool_)
    for item, answer in answers.items():
        if item >= len(scores):
            raise InvalidInputError(f"there is a label of item {item}, but the catalog has {len(scores)} images")
        side[item] = _OF_ANSWER[answer]
        labelled[item] = True
    return Sides(side, labelled)


def quality(sides: Sides, truth: NDArray[np.bool_]) -> Quality:
    """Precision of the positive side, and the share of all truly positive images that is on it."""
    chosen = sides.side == POSITIVE
    right = float((chosen & truth).sum())
    total, positives = int(chosen.sum()), int(truth.sum())
    return Quality(right / total if total else float("nan"), right / positives if positives else float("nan"))
