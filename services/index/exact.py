"""Nearest neighbours by matrix product: no tree, no approximation, one pass over all vectors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Neighbours = tuple[list[int], list[float]]  # items and distances, nearest first

_Float = TypeVar("_Float", np.float32, np.float64)

_CHUNK_BYTES = 4 << 20
_LARGEST = np.finfo(np.float32).max
_QUERIES = 128
_SPARE = 64


def nearest(vectors: Floats, present: NDArray[np.bool_], queries: Floats, k: int, metric: str) -> list[Neighbours]:
    """The ``k`` nearest present rows of ``vectors`` [rows, dim] for each of ``queries`` [n, dim].

    A product in single precision finds more candidates than are wanted; these are ranked in double precision by distance,
    then by item. ``k`` must not be greater than the number of present rows.
    """
    found: list[Neighbours] = []
    if 2 * k + _SPARE >= np.count_nonzero(present):
        everything = np.flatnonzero(present)
        return [_ranked(vectors, everything, query, k, metric) for query in queries]
    for first in range(0, len(queries), _QUERIES):
        group = queries[first : first + _QUERIES]
        candidates = _candidates(vectors, present, group, k, metric)
        pairs = zip(candidates, group, strict=True)
        found += [_ranked(vectors, items, query, k, metric) for items, query in pairs]
    return found


def _candidates(vectors: Floats, present: NDArray[np.bool_], queries: Floats, k: int, metric: str) -> NDArray[np.int64]:
    """Items [n, 2 k + 64], all present, that hold the ``k`` nearest of each query."""
    keep = 2 * k + _SPARE
    chunk = max(1, _CHUNK_BYTES // (4 * vectors.shape[1]))
    best = np.full((len(queries), keep), np.inf, dtype=np.float32)
    items = np.full((len(queries), keep), -1, dtype=np.int64)
    centre = queries.mean(axis=0, dtype=np.float64).astype(np.float32)  # small numbers lose fewer digits
    for first in range(0, len(vectors), chunk):
        part = vectors[first : first + chunk]
        with np.errstate(over="ignore", invalid="ignore"):
            badness = _angular(part, queries) if metric == "angular" else _euclidean(part - centre, queries - centre)
        np.fmin(badness, _LARGEST, out=badness)  # what overflows is far away, but there
        badness[:, ~present[first : first + chunk]] = np.inf
        numbers = np.broadcast_to(np.arange(first, first + len(part)), badness.shape)
        best, items = np.hstack((best, badness)), np.hstack((items, numbers))
        order = np.argpartition(best, keep - 1, axis=1)[:, :keep]
        best, items = np.take_along_axis(best, order, 1), np.take_along_axis(items, order, 1)
    return items


def _euclidean(part: Floats, queries: Floats) -> Floats:
    squares: Floats = np.einsum("ij,ij->i", part, part)
    badness: Floats = squares[None, :] - 2 * (queries @ part.T)
    return badness


def _angular(part: Floats, queries: Floats) -> Floats:
    return -(unit(queries) @ unit(part).T)


def _ranked(vectors: Floats, items: NDArray[np.int64], query: Floats, k: int, metric: str) -> Neighbours:
    items = np.sort(items)
    chunk = max(1, _CHUNK_BYTES // (8 * vectors.shape[1]))
    parts = range(0, len(items), chunk)
    distances = np.concatenate([_distances(vectors[items[at : at + chunk]], query, metric) for at in parts])
    order = np.argsort(distances, kind="stable")[:k]
    return items[order].tolist(), distances[order].tolist()


def _distances(rows: Floats, query: Floats, metric: str) -> NDArray[np.float64]:
    wide, target = rows.astype(np.float64), query.astype(np.float64)
    angular = metric == "angular"
    gaps = unit(wide) - unit(target[None]) if angular else wide - target
    distances: NDArray[np.float64] = np.linalg.norm(gaps, axis=1)
    if angular:
        distances[~wide.any(axis=1) | (not target.any())] = np.sqrt(2)  # without a direction, as Annoy has it
    return distances


def unit(rows: NDArray[_Float]) -> NDArray[_Float]:
    """Rows [n, dim] at length 1; zero stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    scaled: NDArray[_Float] = (rows / lengths).astype(rows.dtype, copy=False)
    return scaled
