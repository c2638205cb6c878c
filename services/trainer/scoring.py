"""A head and the embeddings of a catalog to the probability of every item."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.trainer.embeddings import map_embeddings
from services.trainer.heads import LOGISTIC, Head, load_head

CHUNK_ROWS = 8192  # a head's layers are fastest with many rows
LINEAR_ROWS = 1024  # a product and a norm of the same rows: the second finds them in the cache
VERSION = 1


def score(store: ArtifactStore, head: Artifact, vectors: Artifact, present: Artifact | None) -> tuple[Artifact, float]:
    """Publishes the probabilities of the positive class, float32 [rows], not-a-number where an item has no embedding.

    Args:
        store: where everything lies.
        head: the head.
        vectors: ``.npy``, float32 [rows, dim].
        present: ``.npy``, bool [rows]; None: every item has an embedding.

    Returns:
        the scores, and the seconds that it took.

    Raises:
        InvalidInputError: when head, vectors and mask do not go together.
        DamagedError: when one of them is not what its reference says.
    """
    start = time.monotonic()
    name = digest_of("scores", VERSION, head.sha256, vectors.sha256, present.sha256 if present else "")

    def write(path: Path) -> None:
        torch.set_num_threads(1)  # equal scores from every replica
        loaded, _ = load_head(store.open(head))
        values = probabilities(loaded, *fitting_embeddings(store, loaded, vectors, present))
        with path.open("wb") as file:
            np.save(file, values)

    artifact, _ = store.once(f"scores/{name}.npy", write)
    return artifact, time.monotonic() - start


def fitting_embeddings(
    store: ArtifactStore, head: Head, vectors: Artifact, present: Artifact | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Embeddings [rows, dim] that fit a head, and whether each item has one, [rows]; see :func:`map_embeddings`."""
    matrix, mask = map_embeddings(store, vectors, present)
    if matrix.shape[1] != head.shape.dim:
        raise InvalidInputError(
            f"the head takes embeddings of {head.shape.dim} numbers, these have {matrix.shape[1]}; train it on these"
        )
    return matrix, mask


def probabilities(head: Head, vectors: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Probabilities float32 [rows] of embeddings [rows, dim]; not-a-number where ``present`` [rows] is false."""
    scores = np.empty(len(vectors), dtype=np.float32)
    size = LINEAR_ROWS if head.shape.kind == LOGISTIC else CHUNK_ROWS
    with torch.inference_mode():
        for first, chunk in chunks(vectors, size):
            scores[first : first + size] = head(chunk).sigmoid().numpy()
    scores[~np.asarray(present)] = np.nan
    return scores


def chunks(vectors: NDArray[np.float32], size: int) -> Iterator[tuple[int, Tensor]]:
    """Each ``size`` rows of [rows, dim] with the number of their first; read where they lie, and never to be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        whole = torch.from_numpy(vectors)
    for first in range(0, len(vectors), size):
        yield first, whole[first : first + size]
