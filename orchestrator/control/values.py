"""Arrays with one value for each item, for a page that shows the whole data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.control.manager import ManagedRun
from orchestrator.run import Run
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, InvalidInputError

MOST = 1_000_000  # items in one answer: 4 MB
SCORES = "scores"


@dataclass(frozen=True)
class ItemValues:
    """An array [rows], and a word that changes with it."""

    version: str
    array: NDArray[np.float32]

    @property
    def rows(self) -> int:
        """How many items there are."""
        return len(self.array)

    def part(self, first: int, count: int) -> bytes:
        """The values from ``first`` on, ``count`` of them (0, and at most: a million), little-endian.

        Raises:
            InvalidInputError: when there is no item ``first``.
        """
        if first > self.rows:
            raise InvalidInputError(f"there is no item {first}; the run has {self.rows}, counted from 0")
        return self.array[first : first + min(count or MOST, MOST)].astype("<f4").tobytes()


def values_of(managed: ManagedRun, kind: str) -> ItemValues:
    """The array of a kind.

    Raises:
        ConflictError: when the run is not at work, or has nothing embedded yet.
        InvalidInputError: for a kind that is not known.
    """
    if kind != SCORES:
        raise InvalidInputError(f"there are no values of the kind {kind[:40]!r}; ask for {SCORES}")
    work = managed.work
    if work is None or work.latest is None:
        raise ConflictError(f"run {managed.folder.run} has nothing to show yet (it is {managed.board.state})")
    scores = work.latest.scores
    if scores is None:
        return ItemValues("", np.full(work.latest.generation.rows, np.nan, dtype=np.float32))
    return ItemValues(scores.sha256[:16], scores_of(work, scores.to(Artifact)))


def scores_of(work: Run, artifact: Artifact) -> NDArray[np.float32]:
    """An array of scores [rows] float32, mapped and not read."""
    array: NDArray[np.float32] = np.load(work.store.open(artifact), mmap_mode="r", allow_pickle=False)
    return array
