"""Blocks are joined to one matrix, one at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from protos.embedder_pb2 import Block
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.index.matrix import check_tiling, write_matrix
from tests.support.stores import put_blocks

Written = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def _vectors(rows: int, dim: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, dim)).astype(np.float32)


def _write(store: ArtifactStore, blocks: list[Block], rows: int, dim: int = 4) -> Written:
    vectors, present = store.root / "v.npy", store.root / "p.npy"
    write_matrix(store, blocks, rows, dim, vectors, present)
    return np.load(vectors), np.load(present)


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 1000])
def test_rows_are_those_of_the_blocks(store: ArtifactStore, rows: int) -> None:
    vectors, present = _write(store, put_blocks(store, _vectors(rows)), rows)
    assert vectors.dtype == np.float32
    assert present.dtype == np.bool_
    assert np.array_equal(vectors, _vectors(rows))
    assert present.all()
    assert present.shape == (rows,)


def test_quarantined_rows_are_zero_and_not_present(store: ArtifactStore) -> None:
    gone = frozenset({0, 255, 256, 299})
    vectors, present = _write(store, put_blocks(store, _vectors(300), gone), 300)
    assert set(np.flatnonzero(~present).tolist()) == gone
    assert not vectors[~present].any()
    assert np.array_equal(vectors[present], _vectors(300)[present])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_row_with_a_number_that_is_none_is_left_out(
    store: ArtifactStore, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    odd = _vectors(300)
    odd[299, 2] = value
    vectors, present = _write(store, put_blocks(store, odd), 300)
    assert np.flatnonzero(~present).tolist() == [299]
    assert not vectors[299].any()
    assert "1 embeddings from item 256 on are not finite and are left out" in caplog.text


def test_nothing_readable_at_all(store: ArtifactStore) -> None:
    with pytest.raises(InvalidInputError, match="none of the 300 images could be read, so there is nothing to index"):
        _write(store, put_blocks(store, _vectors(300), frozenset(range(300))), 300)


def test_missing_block(store: ArtifactStore) -> None:
    blocks = put_blocks(store, _vectors(300))
    store.remove(blocks[1].artifact.path)
    with pytest.raises(NotFoundError, match=blocks[1].artifact.path):
        _write(store, blocks, 300)


def test_damaged_block(store: ArtifactStore) -> None:
    blocks = put_blocks(store, _vectors(300))
    path = store.open(blocks[1].artifact)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=blocks[1].artifact.path):
        _write(ArtifactStore(store.root), blocks, 300)


def test_blocks_of_another_dim(store: ArtifactStore) -> None:
    with pytest.raises(DamagedError, match=r"holds vectors \(256, 4\) where \(256, 5\) were announced"):
        _write(store, put_blocks(store, _vectors(300)), 300, dim=5)


def test_block_with_fewer_rows_than_the_list_says(store: ArtifactStore) -> None:
    blocks = put_blocks(store, _vectors(100))
    blocks[0].rows = 101
    with pytest.raises(DamagedError, match=r"\(100, 4\) where \(101, 4\)"):
        _write(store, blocks, 101)


def _block(first: int, rows: int) -> Block:
    return Block(first_item=first, rows=rows)


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ([], "the blocks hold 0 items, but the catalog has 512; embed the rest first"),
        ([_block(0, 256)], "the blocks hold 256 items, but the catalog has 512"),
        ([_block(256, 256)], "not in order at item 0"),
        ([_block(256, 256), _block(0, 256)], "not in order at item 0"),
        ([_block(0, 256), _block(0, 256)], "not in order at item 256"),
        ([_block(0, 256), _block(257, 255)], "not in order at item 256"),
        ([_block(0, 256), _block(256, 256), _block(512, 1)], "the blocks hold 513 items"),
        ([_block(0, 0), _block(0, 512)], "not in order at item 0"),
    ],
)
def test_blocks_that_do_not_cover_the_catalog(blocks: list[Block], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        check_tiling(blocks, 512)


def test_memory_does_not_grow_with_the_rows(store: ArtifactStore) -> None:
    """40 blocks of 256 x 256 are 10 MB; one is 256 KB, and some copies of it."""
    blocks = put_blocks(store, _vectors(40 * 256, 256))
    tracemalloc.start()
    write_matrix(store, blocks, 40 * 256, 256, store.root / "v.npy", store.root / "p.npy")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000
