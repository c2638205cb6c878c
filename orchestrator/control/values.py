"""Long answers for a page that shows the whole data set, in parts: arrays with one value for each item, and the quarantine."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.control.manager import ManagedRun
from orchestrator.model import Model
from orchestrator.outputs.quarantine import read_quarantine
from orchestrator.run import Run
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, InvalidInputError
from services.common.artifacts import digest_of

MOST = 1_000_000  # items in one answer: 4 MB
SCORES = "scores"
QUARANTINE = "quarantine"
MAP = "map"
_WIDTHS = {"float32": "<f4", "uint8": "u1", "uint32": "<u4"}


@dataclass(frozen=True)
class ItemValues:
    """An array [rows], float32, uint8 or uint32, and a word that changes with it."""

    version: str
    array: NDArray[np.float32] | NDArray[np.uint8] | NDArray[np.uint32]

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
        return self.array[first : first + min(count or MOST, MOST)].astype(_WIDTHS[self.array.dtype.name]).tobytes()


def values_of(managed: ManagedRun, kind: str) -> ItemValues:
    """The array of a kind: "scores", float32 [items]; "quarantine", the bytes of a JSON text, {"item": "reason"}; or "map",
    uint32 [items], x in the lower half of each and y in the upper one.

    Raises:
        ConflictError: when the run has nothing embedded yet, or, for its map, is not at work; what it left is shown.
        InvalidInputError: for a kind that is not known.
    """
    if kind not in (SCORES, QUARANTINE, MAP):
        raise InvalidInputError(
            f"there are no values of the kind {kind[:40]!r}; ask for {SCORES}, {QUARANTINE} or {MAP}"
        )
    work = managed.work or managed.left
    if work is None or work.latest is None:
        raise ConflictError(f"run {managed.folder.run} has nothing to show yet (it is {managed.board.state})")
    if kind == QUARANTINE:
        return _quarantine(work)
    if kind == MAP:
        if managed.work is None:
            raise ConflictError(
                f"run {managed.folder.run} is not at work (it is {managed.board.state}); resume it for its map"
            )
        return _points(work, work.latest)
    scores = work.latest.scores
    if scores is None:
        return ItemValues("", np.full(work.latest.generation.rows, np.nan, dtype=np.float32))
    return ItemValues(scores.sha256[:16], scores_of(work, scores.to(Artifact)))


def scores_of(work: Run, artifact: Artifact) -> NDArray[np.float32]:
    """An array of scores [rows] float32, mapped and not read."""
    array: NDArray[np.float32] = np.load(work.store.open(artifact), mmap_mode="r", allow_pickle=False)
    return array


def _points(work: Run, model: Model) -> ItemValues:
    """The map of the newest vectors, drawn by the index when it is asked for first."""
    points = work.clients.index.project(work.id, model.generation)
    pairs = np.load(work.store.open(points.to(Artifact)), mmap_mode="r", allow_pickle=False)
    return ItemValues(points.sha256[:16], pairs.astype("<u2").reshape(-1).view("<u4"))


def _quarantine(work: Run) -> ItemValues:
    """Item -> reason of all images that could not be read, as bytes of JSON; it is asked for in parts."""
    assert work.catalogued is not None
    reasons = read_quarantine(work.folder.quarantine)
    with work.open_catalog(work.catalogued.catalog) as catalog:
        found = {item: why for path, why in reasons.items() if (item := catalog.find(path)) is not None}
    text = json.dumps(found).encode()
    return ItemValues(digest_of(text)[:16], np.frombuffer(text, dtype=np.uint8))
