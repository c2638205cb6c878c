"""``maxherding``: items that represent as many others as possible (Bae et al. 2024)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.bald import entropy
from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.shortlist import drawn

CANDIDATES = 3_000
WITNESSES = 3_000


def maxherding(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Greedy steps that raise the generalised coverage the most (arXiv 2407.12212).

    Coverage is the mean over the pool of the similarity to the most similar labelled or picked item, with the kernel
    exp(-d^2 / s^2) of the distance d between directions. Pool and candidates are each represented by 3,000 items, by lot.

    Args:
        pool: with vectors (float32 [rows, dim]) and labelled items (int64 [n]). Parameter ``lengthscale`` (0.5): s. Parameter
            ``uncertainty`` (0): 1 weighs each represented item by the entropy of its score (uncertainty herding; Bae et al. 2024,
            arXiv 2412.20644).
        count: how many.
        rng: draws candidates and represented items.
    """
    witnesses = drawn(pool, WITNESSES, rng)
    items = drawn(pool, max(CANDIDATES, count), rng)
    scale = pool.parameters["lengthscale"] ** 2
    witness_rows = pool.at(witnesses)
    similar = _kernel(pool.at(items), witness_rows, scale)  # [candidates, witnesses]
    covered = np.zeros(len(witnesses), dtype=np.float32)
    if len(pool.labelled):
        recent = pool.labelled[-CANDIDATES:]
        covered = _kernel(pool.at(recent), witness_rows, scale).max(axis=0)
    weight = _weights(pool, witnesses)
    chosen: list[int] = []
    while len(chosen) < count:
        gain = np.maximum(similar - covered, 0.0) @ weight
        gain[chosen] = -1.0
        chosen.append(int(np.argmax(gain)))
        covered = np.maximum(covered, similar[chosen[-1]])
    return picked(items[chosen], "maxherding")


def _weights(pool: Pool, witnesses: NDArray[np.int64]) -> NDArray[np.float32]:
    if not pool.parameters["uncertainty"]:
        return np.ones(len(witnesses), dtype=np.float32)
    return entropy(pool.scores[witnesses].astype(np.float64)).astype(np.float32)


def _kernel(first: NDArray[np.float32], second: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    squared = np.maximum(0.0, 2.0 - 2.0 * (first @ second.T))
    similar: NDArray[np.float32] = np.exp(-squared / np.float32(scale)).astype(np.float32)
    return similar
