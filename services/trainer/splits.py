"""Which labels a head learns from, and which tell how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.artifacts import digest_of


@dataclass(frozen=True)
class Split:
    """Row numbers int64 of the labels for training and for validation, each in ascending order."""

    training: NDArray[np.int64]
    validation: NDArray[np.int64]


def stratified(
    items: NDArray[np.uint64],
    positive: NDArray[np.bool_],
    share: float,
    seed: int,
    groups: NDArray[np.int64] | None = None,
) -> Split:
    """Splits labels by class, so that both sides hold ``share`` of the positives and of the negatives.

    Of a class with n labels, floor(share * n) validate: those whose item has the smallest digest under ``seed``. Twins stay
    together: they validate as far as all of them fit, by the digest of the first, and train where they differ. So an item tends
    to stay on its side from round to round, and a head that is carried on is rarely judged by what it learnt from. Where either
    class would have none to spare (fewer than five labels at a share of 0.2), there is no validation at all: every label is
    worth more in training, and one class alone says nothing about an epoch.

    Args:
        items: uint64 [n].
        positive: bool [n].
        share: of the labels, in [0, 1).
        seed: equal seeds, equal splits.
        groups: as :func:`services.trainer.twins.twins` gives them, int64 [n]; None: every label is alone.
    """
    alone = np.arange(len(items)) if groups is None else groups
    differing = set(np.intersect1d(alone[positive], alone[~positive]).tolist())
    validation: list[int] = []
    for side in (positive, ~positive):
        rows = np.flatnonzero(side)
        twins: dict[int, list[int]] = {}
        for row in rows.tolist():
            twins.setdefault(int(alone[row]), []).append(row)
        chosen = _fitting(
            sorted(
                (together for group, together in twins.items() if group not in differing),
                key=lambda together: digest_of("split", seed, int(items[together[0]])),
            ),
            int(share * len(rows) + 1e-9),
        )
        if not chosen:
            return Split(np.arange(len(items)), np.empty(0, dtype=np.int64))
        validation += chosen
    held_out = np.zeros(len(items), dtype=np.bool_)
    held_out[validation] = True
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def _fitting(groups: list[list[int]], count: int) -> list[int]:
    """Whole groups, in their order, up to ``count`` rows; one that does not fit any more is left out."""
    chosen: list[int] = []
    for together in groups:
        if len(chosen) + len(together) <= count:
            chosen += together
    return chosen
