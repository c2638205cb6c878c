"""Blocks: the embeddings of up to 256 catalog rows as one artifact, and the manifest that lists all blocks of a catalog.

A block is an ``.npz`` without pickles: ``vectors`` float32 [rows, dim] (zero where unreadable), ``sha256`` uint8 [rows, 32]
of each file's content (zero where unreadable), ``quarantined`` uint8: UTF-8 JSON, {"row in the block": "reason"}.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from protos.embedder_pb2 import Block
from protos.errors import DamagedError
from services.common.artifacts import ArtifactStore, digest_of


@dataclass(frozen=True)
class BlockContent:
    """What a block holds; ``quarantined`` maps the row in the block to the reason."""

    vectors: NDArray[np.float32]
    sha256: NDArray[np.uint8]
    quarantined: dict[int, str]


def write_block(path: Path, content: BlockContent) -> None:
    """Writes a block file; equal content gives equal bytes."""
    reasons = json.dumps({str(row): reason for row, reason in sorted(content.quarantined.items())}).encode()
    with path.open("wb") as file:
        np.savez(
            file,
            vectors=content.vectors.astype("<f4", copy=False),
            sha256=content.sha256,
            quarantined=np.frombuffer(reasons, dtype=np.uint8),
        )


def read_block(path: Path) -> BlockContent:
    """Reads a block file.

    Raises:
        DamagedError: when it is none.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            reasons = json.loads(arrays["quarantined"].tobytes())
            content = BlockContent(
                arrays["vectors"], arrays["sha256"], {int(row): str(why) for row, why in reasons.items()}
            )
    except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise DamagedError(f"{path} is no block of embeddings: {error}") from error
    _check(path, content)
    return content


def _check(path: Path, content: BlockContent) -> None:
    vectors, sha256 = content.vectors, content.sha256
    if vectors.ndim != 2 or vectors.dtype != np.float32 or sha256.dtype != np.uint8:
        raise DamagedError(f"{path} is no block of embeddings: vectors {vectors.dtype} {vectors.shape}")
    if sha256.shape != (len(vectors), 32) or not all(0 <= row < len(vectors) for row in content.quarantined):
        raise DamagedError(f"{path} is no block of embeddings: its parts are not of {len(vectors)} rows")


def publish_manifest(store: ArtifactStore, blocks: Sequence[Block]) -> Artifact:
    """Publishes the list of all blocks, in the order of their items; its name follows from their digests."""
    ordered = sorted(blocks, key=lambda block: block.first_item)
    entries = [
        [block.first_item, block.rows, block.artifact.path, block.artifact.sha256, block.artifact.bytes]
        for block in ordered
    ]
    data = json.dumps(entries).encode()
    return store.put(f"manifests/{digest_of(data)}.json", data)


def read_manifest(path: Path) -> list[Block]:
    """The blocks of a manifest file, in the order of their items.

    Raises:
        DamagedError: when it is none.
    """
    try:
        return [
            Block(first_item=first, rows=rows, artifact=Artifact(path=name, sha256=sha256, bytes=size))
            for first, rows, name, sha256, size in json.loads(path.read_bytes())
        ]
    except (ValueError, TypeError) as error:
        raise DamagedError(f"{path} is no manifest of blocks: {error}") from error
