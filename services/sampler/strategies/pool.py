"""What a query strategy chooses from, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]
Items = NDArray[np.int64]
Clusters = NDArray[np.int32]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Pool:
    """All that a strategy may look at; what it does not need may be missing.

    Attributes:
        mask: what may be picked, bool [rows].
        scores: probability of the positive class, float32 [rows]; finite where ``mask`` is set, or not-a-number everywhere.
        vectors: embeddings, float32 [rows, dim], mapped from a file: whoever gathers all of it waits.
        labelled: items with a yes or a no, int64 [n].
        positive: whether it was yes, bool [n].
        threshold: the probability where yes begins.
        committee: what several heads say, float32 [members, rows].
        parameters: of the strategy, by name; complete.
        clusters: gives the cluster of each item, int32 [rows], -1 where it has no embedding; made at the first call.
    """

    mask: Mask
    scores: Scores
    vectors: Vectors | None = None
    labelled: Items = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    positive: Mask = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    threshold: float = 0.5
    committee: Scores | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    clusters: Callable[[], Clusters] | None = None

    @property
    def items(self) -> Items:
        """What may be picked, int64 [size], ascending."""
        return np.flatnonzero(self.mask)

    def at(self, items: Items) -> Vectors:
        """Embeddings of ``items`` at unit length, float32 [n, dim]; zeros stay zeros."""
        assert self.vectors is not None
        order = np.argsort(items, kind="stable")  # a mapped file is read from front to back
        rows = np.empty((len(items), self.vectors.shape[1]), dtype=np.float32)
        rows[order] = self.vectors[items[order]]
        return unit(rows)


@dataclass(frozen=True)
class Picks:
    """Different items int64 [count], best first, and why each was picked."""

    items: Items
    reasons: tuple[str, ...]


def picked(items: Items, reason: str) -> Picks:
    """Items that were all picked for the same reason."""
    return Picks(items, (reason,) * len(items))


def unit(rows: Vectors) -> Vectors:
    """Rows [n, dim] at unit length, float32; zeros stay zeros."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


Query = Callable[[Pool, int, np.random.Generator], Picks]
