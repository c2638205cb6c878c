"""What tests put into an artifact store: arrays, and blocks of vectors with their manifest."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from protos.embedder_pb2 import Block
from services.common.artifacts import ArtifactStore
from services.common.blocks import BlockContent, publish_manifest, write_block
from services.common.catalog import BLOCK_ROWS


def put_array(store: ArtifactStore, name: str, array: NDArray[Any]) -> Artifact:
    """Publishes an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return store.put(name, buffer.getvalue())


def put_blocks(
    store: ArtifactStore, vectors: NDArray[np.float32], quarantined: frozenset[int] = frozenset(), tag: str = "a"
) -> list[Block]:
    """Publishes the vectors [rows, dim] as an embedder does; items in ``quarantined`` have none."""
    blocks = []
    for first in range(0, len(vectors), BLOCK_ROWS):
        part = vectors[first : first + BLOCK_ROWS].copy()
        reasons = {item - first: "truncated" for item in quarantined if first <= item < first + len(part)}
        part[list(reasons)] = 0
        content = BlockContent(part, np.zeros((len(part), 32), np.uint8), reasons)
        artifact, _ = store.once(f"blocks/{tag}-{first}.npz", lambda path, content=content: write_block(path, content))  # type: ignore[misc]
        blocks.append(Block(first_item=first, rows=len(part), artifact=artifact, quarantined=len(reasons)))
    return blocks


def put_manifest(
    store: ArtifactStore, vectors: NDArray[np.float32], quarantined: frozenset[int] = frozenset(), tag: str = "a"
) -> Artifact:
    """Publishes the vectors and the list of their blocks."""
    return publish_manifest(store, put_blocks(store, vectors, quarantined, tag))
