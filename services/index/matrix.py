"""Joins blocks to one matrix, block by block: a million vectors need the memory of 256."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from protos.embedder_pb2 import Block
from protos.errors import DamagedError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.blocks import read_block

log = logging.getLogger(__name__)


def write_matrix(
    store: ArtifactStore, blocks: Sequence[Block], rows: int, dim: int, vectors: Path, present: Path
) -> None:
    """Writes all vectors and which of them there are.

    Args:
        store: where the blocks lie.
        blocks: in the order of their items, without gaps.
        rows: of the catalog.
        dim: length of one vector.
        vectors: ``.npy`` file to write, float32 [rows, dim], zero where an item has no embedding.
        present: ``.npy`` file to write, bool [rows].

    Raises:
        InvalidInputError: when the blocks are not those of such a catalog, or no image at all has an embedding.
        DamagedError: when a block is not what the list says.
    """
    check_tiling(blocks, rows)
    mask = np.zeros(rows, dtype=np.bool_)
    with vectors.open("wb") as file:
        _write_header(file, "<f4", (rows, dim))
        for block in blocks:
            values, there = read_rows(store.open(block.artifact), block, dim)
            file.write(values.tobytes())
            mask[block.first_item : block.first_item + block.rows] = there
    if not mask.any():
        raise InvalidInputError(
            f"none of the {rows} images could be read, so there is nothing to index; the run lists the reason of each"
        )
    with present.open("wb") as file:
        np.save(file, mask, allow_pickle=False)


def check_tiling(blocks: Sequence[Block], rows: int) -> None:
    """Raises InvalidInputError unless ``blocks`` cover items 0 to ``rows`` - 1, each once and in order."""
    covered = 0
    for block in blocks:
        if block.first_item != covered or block.rows == 0:
            raise InvalidInputError(f"the blocks are not in order at item {covered}; embed the catalog again")
        covered += block.rows
    if covered != rows:
        raise InvalidInputError(f"the blocks hold {covered} items, but the catalog has {rows}; embed the rest first")


def read_rows(path: Path, block: Block, dim: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The vectors float32 [block.rows, dim] of one block, and bool [block.rows] whether each is one.

    A row that is quarantined, or holds a number that is none, is zero and not there.
    """
    content = read_block(path)
    if content.vectors.shape != (block.rows, dim):
        raise DamagedError(f"{path} holds vectors {content.vectors.shape} where {(block.rows, dim)} were announced")
    there: NDArray[np.bool_] = np.all(np.isfinite(content.vectors), axis=1)
    there[list(content.quarantined)] = False
    odd = block.rows - int(there.sum()) - len(content.quarantined)
    if odd:
        log.warning("%d embeddings from item %d on are not finite and are left out", odd, block.first_item)
    return np.where(there[:, None], content.vectors, np.float32(0)).astype("<f4"), there


def _write_header(file: IO[bytes], dtype: str, shape: tuple[int, ...]) -> None:
    header: dict[str, Any] = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
