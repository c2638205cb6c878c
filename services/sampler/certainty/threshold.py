"""Where to draw the line for a wanted precision: chosen by calibrated probabilities, proved by a draw."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from services.sampler.certainty.audits import CONFIDENCE, PRECISION, check_share, plan

LIKELY = 0.7  # a proof that fails costs its swipes
_LINES = 256  # that are tried


@dataclass(frozen=True)
class Line:
    """Items from ``threshold`` on: how many, their mean probability, the draws that prove them, and what is looked at below."""

    threshold: float
    accepted: int
    expected: float
    draws: int = 0
    review: int = 0


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
    ends, ranked = _ranked(scores, pool)
    if not len(ranked):
        return None
    sizes = ends + 1
    expected = np.minimum(np.cumsum(ranked)[ends] / sizes, 1.0)
    chance = expected ** np.minimum(sizes, ceil(log(1 - confidence) / log(target)))
    likely = np.flatnonzero((chance >= LIKELY) & (expected >= target))
    best = int(likely[-1]) if len(likely) else int(np.argmax(chance))
    if expected[best] < target:
        return None
    accepted = int(sizes[best])
    draws = plan(PRECISION, target, accepted, 0, confidence) or accepted
    return Line(float(ranked[ends[best]]), accepted, float(expected[best]), draws)


def cheapest_line(
    scores: NDArray[np.float32],
    pool: NDArray[np.bool_],
    target: float,
    found: int,
    lowest: float,
    confidence: float = CONFIDENCE,
) -> Line | None:
    """The line that makes a set of all positives from ``lowest`` on with the fewest swipes: draws above it, a review below.

    A high line leaves much to look at; a low one needs a larger draw, and an error in it spoils the proof. Of the lines whose
    draw is likely to be without an error (at least 0.7, going by the probabilities), the one with the fewest swipes in all is
    taken, and of equals the lowest; 256 are tried, spread evenly. The ``found`` that people named are in the set and count as
    right, so fewer draws do. There is at least one draw.

    Args:
        scores: float32 [rows], calibrated probabilities.
        pool: bool [rows], what nobody has labelled.
        target: wanted precision.
        found: positives that people named.
        lowest: where the positive side would begin without a proof.
        confidence: of the proof.

    Returns:
        the line, or None where no draw is likely enough to be without an error.
    """
    check_share(target, "target")
    check_share(confidence, "confidence")
    check_share(lowest, "lowest")
    ends, ranked = _ranked(scores, pool & (scores >= np.float32(lowest)))
    means = np.minimum(np.cumsum(ranked)[ends] / (ends + 1), 1.0) if len(ranked) else np.empty(0)
    best: Line | None = None
    some = np.unique(np.linspace(0, len(ends) - 1, min(len(ends), _LINES)).round().astype(np.int64))
    for end, mean in zip(ends[some].tolist(), means[some].tolist(), strict=True):
        accepted, review = end + 1, len(ranked) - end - 1
        draws = min(accepted, max(1, plan(PRECISION, target, accepted, found, confidence) or 1))
        if mean**draws >= LIKELY and (best is None or draws + review <= best.draws + best.review):
            best = Line(float(ranked[end]), accepted, mean, draws, review)
    return best


def _ranked(scores: NDArray[np.float32], pool: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The scores of the pool from the highest on, and the last place of each value: equal scores are accepted together."""
    ranked = np.sort(scores[pool & np.isfinite(scores)])[::-1].astype(np.float64)
    return np.flatnonzero(np.append(np.diff(ranked) < 0, True))[: len(ranked)], ranked
