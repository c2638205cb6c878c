"""The embeddings of a generation, and which of its items have one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore


def map_embeddings(
    store: ArtifactStore, vectors: Artifact, present: Artifact | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Embeddings float32 [rows, dim], memory-mapped, and whether each item has one, bool [rows].

    Only ``present`` says which: the row of an item without an embedding is zero, but so is what ``hog`` makes of a black
    image, and what an encoder that ends in a ReLU may make of any.

    Args:
        store: where both lie.
        vectors: ``.npy``, float32 [rows, dim].
        present: ``.npy``, bool [rows]; None: every item has an embedding.

    Raises:
        InvalidInputError: when there are more or fewer rows than the mask has.
        DamagedError: when one of them is not what its reference says.
    """
    matrix: NDArray[np.float32] = map_array(store.open(vectors), np.float32, 2)
    if present is None:
        return matrix, np.ones(len(matrix), dtype=np.bool_)
    mask: NDArray[np.bool_] = map_array(store.open(present), np.bool_, 1)
    if len(mask) != len(matrix):
        raise InvalidInputError(f"{len(matrix)} embeddings with a mask of {len(mask)} items are no generation")
    return matrix, mask
