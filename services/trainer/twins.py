"""Twins: images so alike that whoever has seen one has seen the other, such as copies and files that were compressed again.

A head that has learned one of them is not judged by the other: folds and splits keep them together.

How near is near depends on the encoder: any two photographs have a cosine of .97 for a network with random weights, and of .3 for
a good one. So distances are told in parts of the mean one. Measured with hog and an untrained ResNet-18: photographs compressed
again at a quality of 90, or halved, lie within .002, at 60 mostly within .003; the nearest two of 3,000 CIFAR images, with hog,
are .016 apart.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

ALIKE = 0.003  # squared distance of directions, in parts of the mean squared distance of two rows
_BLOCK = 256
_STEPS = 5


def twins(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """The group of each row, int64 [n], named by the first row in it; most rows are groups of their own.

    Rows whose directions are nearly the same are in one group, and so are the twins of a twin. No pair is missed: two that are
    near each other lie near each other on any line, so rows are compared along the one on which they differ most.

    Args:
        rows: float32 [n, dim], of any length; zeros, of which an encoder says nothing, are nobody's twins.
    """
    if len(rows) < 2:
        return np.arange(len(rows))
    with torch.inference_mode():  # torch, because its threads are pinned while a head is trained: equal folds each time
        unit = functional.normalize(torch.from_numpy(rows).double(), eps=1e-300)
        centred = unit - unit.mean(0)
        spread = (centred / (2 * centred.square().sum(1).mean()).sqrt().clamp_min(1e-12)).float()
        along, order = torch.sort(spread @ _widest(spread), stable=True)
        first, second = _pairs(spread[order], along.numpy())
    one, other = order.numpy()[first], order.numpy()[second]
    known: NDArray[np.bool_] = np.asarray((rows != 0).any(axis=1))
    something = known[one]
    return _joined(one[something], other[something], len(rows))


def _widest(spread: Tensor) -> Tensor:
    """About the first principal axis of centred rows, float32 [dim], by the power method."""
    axis = functional.normalize(spread[spread.square().sum(1).argmax()], dim=0)
    for _ in range(_STEPS):
        axis = functional.normalize((spread @ axis) @ spread, dim=0)
    return axis


def _pairs(spread: Tensor, along: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of rows that are alike, int64 [pairs] each; both arrays are in the order of ``along``."""
    reach, squares = ALIKE**0.5 + 1e-3, spread.square().sum(1)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for start in range(0, len(spread), _BLOCK):
        end = min(start + _BLOCK, len(spread))
        last = int(np.searchsorted(along, along[end - 1] + reach, "right"))
        apart = squares[start:end, None] + squares[start:last] - 2 * (spread[start:end] @ spread[start:last].t())
        one, other = np.nonzero((apart <= ALIKE).numpy())
        found.append((one + start, other + start))
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _joined(one: NDArray[np.int64], other: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """The smallest row that each is connected with, int64 [rows]."""
    group = np.arange(rows)
    while True:
        least = group.copy()
        np.minimum.at(least, one, group[other])
        np.minimum.at(least, other, group[one])
        least = least[least]
        if np.array_equal(least, group):
            return group
        group = least
