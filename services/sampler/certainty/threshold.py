"""Where to draw the line for a wanted precision: chosen by calibrated probabilities, proved by a draw."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from services.sampler.certainty.audits import CONFIDENCE, check_share

LIKELY = 0.7  # a proof that fails costs its swipes


@dataclass(frozen=True)
class Line:
    """Items from ``threshold`` on: how many, and their mean probability."""

    threshold: float
    accepted: int
    expected: float


def choose_threshold(
    scores: NDArray[np.float32], pool: NDArray[np.bool_], target: float, confidence: float = CONFIDENCE
) -> Line | None:
    """The lowest threshold whose proof is likely to succeed, going by the probabilities.

    The proof needs m = log(1 - confidence) / log(target) draws without an error, so the chance is q^m, where q is the mean
    probability of what is accepted. The lowest threshold with at least 0.7 is taken; where there is none, the one with the
    best chance, if its q reaches the target at all. The choice looks at no label of the draw that proves it, so it does not
    bias the proof.

    Args:
        scores: float32 [rows], calibrated probabilities.
        pool: bool [rows], what nobody has labelled.
        target: wanted precision.
        confidence: of the proof.

    Returns:
        the line, or None where no set of images is sure enough.
    """
    check_share(target, "target")
    check_share(confidence, "confidence")
    sorted_scores = np.sort(scores[pool & np.isfinite(scores)])[::-1].astype(np.float64)
    if not len(sorted_scores):
        return None
    ends = np.flatnonzero(np.append(np.diff(sorted_scores) < 0, True))  # equal scores are accepted together
    sizes = ends + 1
    expected = np.minimum(np.cumsum(sorted_scores)[ends] / sizes, 1.0)
    chance = expected ** np.minimum(sizes, ceil(log(1 - confidence) / log(target)))
    likely = np.flatnonzero((chance >= LIKELY) & (expected >= target))
    best = int(likely[-1]) if len(likely) else int(np.argmax(chance))
    if expected[best] < target:
        return None
    return Line(float(sorted_scores[ends[best]]), int(sizes[best]), float(expected[best]))
