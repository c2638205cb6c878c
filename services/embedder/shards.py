"""The way of a block: catalog rows -> files -> pixels -> vectors -> one artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from protos.embedder_pb2 import Block
from protos.errors import InvalidInputError, NotFoundError, UnavailableError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.blocks import BlockContent, read_block, write_block
from services.common.catalog import BLOCK_ROWS, Catalog, Row
from services.embedder.backends import AUTO, OPENVINO, TORCH
from services.embedder.backends import part_of_name as part_of_backend
from services.embedder.decoding import Decoded
from services.embedder.decoding_options import part_of_name, read_as
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import NOT_FINITE, finite_rows, in_order, rows_of_batch
from services.embedder.nvjpeg import find_nvjpeg
from services.embedder.turns import next_turn
from services.embedder.workers import Workers

_VERSION = 2  # of how pixels become numbers: another one gives blocks other names


@dataclass(frozen=True)
class Shard:
    """What one call asks for."""

    first_block: int
    blocks: int
    encoder_digest: str
    precision: str
    decode: str = ""  # "exact" or "scaled"; "": as the encoder says
    backend: str = TORCH

    @property
    def ways(self) -> tuple[Shard, ...]:
        """Itself; where the back end is left to each worker, once for each that there is."""
        return tuple(replace(self, backend=each) for each in (OPENVINO, TORCH)) if self.backend == AUTO else (self,)

    def name_of(self, catalog: Catalog, block: int, count: int = BLOCK_ROWS) -> str:
        """The artifact name of a block (or of its first ``count`` rows): rows, encoder, precision, decoding, known back end.

        Decoding is in it where the call wants another one than the encoder. Nothing else is.
        """
        rows = catalog.block_digest(block, count)
        how = (self.encoder_digest, self.precision, *part_of_name(self.decode), *part_of_backend(self.backend))
        return f"blocks/{digest_of(_VERSION, rows, *how)}.npz"


def check_range(catalog: Catalog, shard: Shard) -> None:
    """Refuses blocks that the catalog has not.

    Raises:
        InvalidInputError: with both ranges.
    """
    total = -(-len(catalog) // BLOCK_ROWS)
    if shard.blocks < 1 or shard.first_block + shard.blocks > total:
        raise InvalidInputError(
            f"blocks {shard.first_block} to {shard.first_block + shard.blocks - 1} are asked for, but the catalog of"
            f" {len(catalog)} images has blocks 0 to {total - 1}"
        )


def find_blocks(store: ArtifactStore, catalog: Catalog, shard: Shard) -> dict[int, Block | None]:
    """Every block of the shard: as it was published, or None where it has to be computed."""
    return {
        block: _published(store, catalog, shard, block)
        for block in range(shard.first_block, shard.first_block + shard.blocks)
    }


def _published(store: ArtifactStore, catalog: Catalog, shard: Shard, block: int) -> Block | None:
    found = (store.find(way.name_of(catalog, block)) for way in shard.ways)
    artifact = next((artifact for artifact in found if artifact is not None), None)
    if artifact is None:
        return None
    return _describe(block, artifact, read_block(store.open(artifact)))


def compute_blocks(
    store: ArtifactStore,
    catalog: Catalog,
    shard: Shard,
    missing: Sequence[int],
    encoder: LoadedEncoder,
    workers: Workers,
    wanted: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[int, Block]]:
    """Computes and publishes blocks, decoding the next one while the last is in the forward pass.

    Args:
        store: where blocks are published.
        catalog: of the data set.
        shard: what is asked for.
        missing: the blocks to compute, in order.
        encoder: on its device.
        workers: the threads.
        wanted: whether anybody still waits for the answer; asked before each block.

    Raises:
        NotFoundError: when the data folder is not on this machine: its images must not all be called unreadable.
        UnavailableError: when nobody waits any more.
    """
    _check_root(catalog.root)
    blocks = {block: list(catalog.rows(block * BLOCK_ROWS, BLOCK_ROWS)) for block in missing}
    contents = {block: _empty(len(rows), encoder.spec.dim) for block, rows in blocks.items()}
    known = {block: _take_known(store, catalog, shard, block, content) for block, content in contents.items()}
    rows = chain.from_iterable(rows[known[block] :] for block, rows in blocks.items())
    turn, size = next_turn(), rows_of_batch(encoder)

    def start(batch: _Batch) -> Future[NDArray[np.float32]]:
        return workers.forward.start(encoder, [file.pixels for file in batch.files], shard.precision, size, turn)

    gpu, spec = encoder.device.type == "cuda", read_as(encoder.spec, shard.decode)
    on_gpu = find_nvjpeg(spec, encoder.device, workers.settings.nvjpeg)
    with closing(workers.decoders.ahead(catalog.root, rows, spec, turn, gpu, on_gpu)) as files:
        batches = _batches(files, blocks, known, size)
        with closing(in_order(batches, start, workers.forward.ahead(encoder))) as done:
            for batch, vectors in done:
                if not wanted():
                    raise UnavailableError("the caller left before its blocks were embedded; ask again")
                _fill(contents[batch.block], batch, vectors)
                if batch.last:
                    yield batch.block, _publish(store, catalog, shard, batch.block, contents.pop(batch.block))


@dataclass(frozen=True)
class _Batch:
    """The next files of a block, decoded."""

    block: int
    first: int
    files: list[Decoded]
    last: bool


def _take_known(store: ArtifactStore, catalog: Catalog, shard: Shard, block: int, content: BlockContent) -> int:
    """Fills in what the last block of the catalog before has held already; returns the number of these rows."""
    count = catalog.grown_from - block * BLOCK_ROWS
    found = store.find(shard.name_of(catalog, block, count)) if 0 < count < len(content.vectors) else None
    if found is None:
        return 0
    before = read_block(store.open(found))
    content.vectors[:count], content.sha256[:count] = before.vectors, before.sha256
    content.quarantined.update(before.quarantined)
    return count


def _batches(
    files: Iterator[Decoded], blocks: Mapping[int, Sequence[Row]], known: Mapping[int, int], size: int
) -> Iterator[_Batch]:
    """The files of all blocks, cut into batches that never reach over the end of a block."""
    for block, rows in blocks.items():
        for first in range(known[block], len(rows), size):
            end = min(first + size, len(rows))
            yield _Batch(block, first, list(islice(files, end - first)), end == len(rows))


def _empty(count: int, dim: int) -> BlockContent:
    return BlockContent(np.zeros((count, dim), dtype=np.float32), np.zeros((count, 32), dtype=np.uint8), {})


def _fill(content: BlockContent, batch: _Batch, vectors: NDArray[np.float32]) -> None:
    """Puts a batch into its block; what has no pixels, or no finite vector, is quarantined and stays zero."""
    finite = finite_rows(vectors)
    for row, (file, vector, good) in enumerate(zip(batch.files, vectors, finite, strict=True), start=batch.first):
        content.sha256[row] = np.frombuffer(file.sha256, dtype=np.uint8)
        if file.pixels is None or not good:
            content.quarantined[row] = file.reason or NOT_FINITE
        else:
            content.vectors[row] = vector


def _publish(store: ArtifactStore, catalog: Catalog, shard: Shard, block: int, content: BlockContent) -> Block:
    with store.writing(shard.name_of(catalog, block)) as writing:
        write_block(writing.path, content)
    # Another replica may have been first, and its block stands: files may have been readable for one of the two only.
    return _describe(block, writing.artifact, read_block(store.open(writing.artifact)))


def _describe(block: int, artifact: Artifact, content: BlockContent) -> Block:
    return Block(
        first_item=block * BLOCK_ROWS,
        rows=len(content.vectors),
        artifact=artifact,
        quarantined=len(content.quarantined),
    )


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise NotFoundError(
            f"the data folder {root} is not on this machine; set ACTIVE_LABELER_DATA_ROOT to where it is mounted here"
        )
