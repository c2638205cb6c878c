"""Labelled examples in memory: what a training learns from, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.errors import InvalidInputError

log = logging.getLogger(__name__)
Labels = tuple[NDArray[np.uint64], NDArray[np.bool_]]


def check_labels(labels: Labels, rows: int) -> None:
    """Refuses labels that nothing can be learnt from.

    Raises:
        InvalidInputError: when there are none, or an item is beyond the ``rows`` that exist.
    """
    items = labels[0]
    if len(items) == 0:
        raise InvalidInputError("there are no labels to train on; label some images first")
    if int(items.max()) >= rows:
        raise InvalidInputError(
            f"item {int(items.max())} is labelled, but there are only {rows} items; embed the grown catalog first"
        )


def gather(
    vectors: NDArray[np.float32], present: NDArray[np.bool_], labels: Labels
) -> tuple[NDArray[np.float32], Labels]:
    """Embeddings float32 [n, dim] of the labelled items, and their labels; items without an embedding are left out.

    Args:
        vectors: of the whole catalog, float32 [rows, dim], memory-mapped.
        present: whether an item has one, bool [rows].
        labels: items in ascending order, and whether each is positive.

    Raises:
        InvalidInputError: as :func:`check_labels`, when no labelled item has an embedding, or one is not finite.
    """
    check_labels(labels, len(vectors))
    items, positive = labels
    there = embedded(present, labels)
    if not there.any():
        raise InvalidInputError(f"none of the {len(items)} labelled items has an embedding; label other images")
    if not there.all():
        log.warning("%d labelled items have no embedding and are left out", int((~there).sum()))
    items, positive = items[there], positive[there]
    rows = np.asarray(vectors[items.astype(np.int64)])
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InvalidInputError(
            f"the embedding of item {items[~finite][0]} is not finite; the encoder does not suit the images, use another"
        )
    return rows, (items, positive)


def embedded(present: NDArray[np.bool_], labels: Labels) -> NDArray[np.bool_]:
    """Whether each labelled item has an embedding, bool [n]; ``present`` is bool [rows]."""
    return np.asarray(present[labels[0].astype(np.int64)])


class ShuffledBatches:
    """Batches of (inputs, targets) in another order each time they are gone through, the same for the same seed.

    Args:
        inputs: [n, ...].
        targets: float32 [n].
        size: examples in a batch; the last one may hold fewer.
        seed: of the order.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, size: int, seed: int) -> None:
        self.inputs, self.targets, self.size = inputs, targets, size
        self.generator = torch.Generator().manual_seed(seed % 2**63)

    def __len__(self) -> int:
        return -(-len(self.targets) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.targets), generator=self.generator)
        for first in range(0, len(order), self.size):
            rows = order[first : first + self.size]
            yield self.prepare(self.inputs[rows]), self.targets[rows]

    def prepare(self, inputs: Tensor) -> Tensor:
        """Embeddings are taken as they are."""
        return inputs
