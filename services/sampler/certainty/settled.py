"""Whether the head has settled: how alike the last two decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Decisions = NDArray[np.bool_]


def kappa(first: Decisions, second: Decisions) -> float:
    """Cohen's kappa (1960) between two series of decisions bool [n]: agreement beyond chance, at most 1.

    Not-a-number where both decide the same for every item, since chance alone would agree as much. It is used as a rule to stop
    by Bloodgood and Vijay-Shanker (2009); high values say that more labels change little, not that all is found.
    """
    if not len(first):
        return float("nan")
    agreed = float((first == second).mean())
    p, q = float(first.mean()), float(second.mean())
    by_chance = p * q + (1 - p) * (1 - q)
    return float("nan") if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)
