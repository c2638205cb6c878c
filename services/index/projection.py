"""A map of a generation: its vectors as points of a plane, by principal component analysis (Pearson 1901)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact, Generation
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore, digest_of
from services.common.telemetry import timed

log = logging.getLogger(__name__)

NOWHERE = 65535  # both coordinates of an item that has no vector
MOST = 65534
_VERSION = 1  # of the algorithm below; a change of it must give other names
_SAMPLE = 50_000  # vectors that the axes are found from: more of them turn the axes by less than a pixel
_ROWS = 8192  # at a time
_OUTER = 0.001  # share of the sample on each side that may lie beyond the frame; such points are drawn at its edge
_MARGIN = 0.05


class Maps:
    """The maps of a store, each made once.

    Args:
        store: where vectors are read and points are published.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._drawing = threading.Lock()  # a repeated call waits for the first, and finds its result

    def of(self, generation: Generation) -> Artifact:
        """The points of a generation, uint16 [rows, 2]; see `project`.

        Raises:
            NotFoundError, DamagedError: when its vectors are gone or damaged.
        """
        angular = generation.metric == "angular"
        key = digest_of("map", _VERSION, generation.vectors.sha256, generation.present.sha256, angular)
        with self._drawing:
            return self._store.once(f"maps/{key}.npy", lambda path: self._draw(path, generation, angular))[0]

    def _draw(self, path: Path, generation: Generation, angular: bool) -> None:
        vectors = map_array(self._store.open(generation.vectors), np.float32, 2)
        present = map_array(self._store.open(generation.present), np.bool_, 1)
        with timed(log, f"map of {len(vectors)} items"), path.open("wb") as file:
            np.save(file, project(vectors, np.asarray(present), angular), allow_pickle=False)


def project(vectors: NDArray[np.float32], present: NDArray[np.bool_], angular: bool = False) -> NDArray[np.uint16]:
    """Points uint16 [n, 2] on the two axes along which the vectors differ most, both at one scale.

    The same vectors give the same points: the sample is every k-th vector, and an axis points to where its largest
    component is positive.

    Args:
        vectors: float32 [n, dim]; may be mapped, as they are read a few thousand at a time.
        present: bool [n]; the others are ``NOWHERE``.
        angular: vectors are compared by their direction alone.
    """
    there = np.flatnonzero(present)
    sample = _rows(vectors, there[:: max(1, -(-len(there) // _SAMPLE))], angular)
    mean = sample.mean(axis=0)
    axes = _axes(sample - mean)
    origin, unit = _frame((sample - mean) @ axes)
    points = np.full((len(vectors), 2), NOWHERE, dtype=np.uint16)
    for part in _parts(there):
        flat = ((_rows(vectors, part, angular) - mean) @ axes - origin) * unit
        points[part] = np.clip(np.rint(flat), 0, MOST).astype(np.uint16)
    return points


def _parts(items: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for first in range(0, len(items), _ROWS):
        yield items[first : first + _ROWS]


def _rows(vectors: NDArray[np.float32], items: NDArray[np.intp], angular: bool) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = vectors[items].astype(np.float64)
    if angular:
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


def _axes(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal axes [dim, 2]; with one dimension, the second is zero."""
    _, found = np.linalg.eigh(centred.T @ centred)
    axes = np.zeros((centred.shape[1], 2))
    first = found[:, ::-1][:, :2]
    largest = first[np.abs(first).argmax(axis=0), np.arange(first.shape[1])]
    axes[:, : first.shape[1]] = first * np.where(largest < 0, -1, 1)
    return axes


def _frame(flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Where the map begins [2], and how many of its steps one unit is: outliers must not press all others together."""
    low, high = np.quantile(flat, [_OUTER, 1 - _OUTER], axis=0)
    span = float(max((high - low).max() * (1 + 2 * _MARGIN), 1e-12))
    return (low + high) / 2 - span / 2, MOST / span
