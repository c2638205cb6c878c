"""Blocks of embeddings, and the manifest of all blocks."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protos.common_pb2 import Artifact
from protos.embedder_pb2 import Block
from protos.errors import DamagedError
from services.common.artifacts import ArtifactStore
from services.common.blocks import BlockContent, publish_manifest, read_block, read_manifest, write_block


def _content(rows: int = 3, dim: int = 4) -> BlockContent:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(rows, dim)).astype(np.float32)
    sha256 = rng.integers(0, 256, size=(rows, 32), dtype=np.uint8)
    return BlockContent(vectors, sha256, {1: "ümlaut: truncated", 0: "x"} if rows > 1 else {})


def test_content_comes_back(tmp_path: Path) -> None:
    write_block(tmp_path / "b.npz", _content())
    back = read_block(tmp_path / "b.npz")
    assert np.array_equal(back.vectors, _content().vectors)
    assert back.vectors.dtype == np.float32
    assert np.array_equal(back.sha256, _content().sha256)
    assert back.quarantined == {0: "x", 1: "ümlaut: truncated"}


def test_name_of_the_file_is_kept_as_it_is(tmp_path: Path) -> None:
    write_block(tmp_path / ".writing-abc", _content())
    assert [path.name for path in tmp_path.iterdir()] == [".writing-abc"]


def test_equal_content_gives_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_block(tmp_path / "one", _content())
    other = BlockContent(
        _content().vectors.astype(np.float64).astype(np.float32), _content().sha256, {0: "x", 1: "ümlaut: truncated"}
    )
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    write_block(tmp_path / "two", other)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with zipfile.ZipFile(tmp_path / "one") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _parts(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "vectors": np.zeros((2, 3), np.float32),
        "sha256": np.zeros((2, 32), np.uint8),
        "quarantined": np.frombuffer(b"{}", np.uint8),
    }
    return {name: value for name, value in {**parts, **changes}.items() if value is not None}


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


REASONS = {
    "list": b"[]",
    "no row": b'{"a": "x"}',
    "row outside": b'{"2": "x"}',
    "negative row": b'{"-1": "x"}',
    "no JSON": b"{",
    "no text": b"\xff",
}
DAMAGED = {
    "empty": b"",
    "text": b"hello",
    "npy": _npy(),
    "truncated": _npz(**_parts())[:-30],
    "cut early": _npz(**_parts())[:40],
    "pickle": _npz(**_parts(vectors=np.array([_Bomb(), _Bomb()], dtype=object))),
    "pickled reasons": _npz(**_parts(quarantined=np.array([_Bomb()], dtype=object))),
    "no vectors": _npz(**_parts(vectors=None)),
    "no reasons": _npz(**_parts(quarantined=None)),
    "flat": _npz(**_parts(vectors=np.zeros(3, np.float32))),
    "float64": _npz(**_parts(vectors=np.zeros((2, 3)))),
    "rows differ": _npz(**_parts(vectors=np.zeros((3, 3), np.float32))),
    "short digests": _npz(**_parts(sha256=np.zeros((2, 31), np.uint8))),
    "digests of another type": _npz(**_parts(sha256=np.zeros((2, 32), np.int64))),
    **{f"reasons: {name}": _npz(**_parts(quarantined=np.frombuffer(data, np.uint8))) for name, data in REASONS.items()},
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_block_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.npz"
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"b\.npz is no block of embeddings"):
        read_block(path)


def test_good_parts_are_a_block(tmp_path: Path) -> None:
    """So that each of the refusals above is for its own reason."""
    path = tmp_path / "b.npz"
    path.write_bytes(_npz(**_parts()))
    assert read_block(path).quarantined == {}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DamagedError):
        read_block(tmp_path / "none")


def _block(first: int, rows: int = 256) -> Block:
    return Block(first_item=first, rows=rows, artifact=Artifact(path=f"blocks/{first}.npz", sha256="ab" * 32, bytes=7))


def test_manifest_lists_blocks_in_the_order_of_their_items(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    manifest = publish_manifest(store, [_block(512, 10), _block(0), _block(256)])
    assert read_manifest(store.open(manifest)) == [_block(0), _block(256), _block(512, 10)]
    assert publish_manifest(store, [_block(0), _block(256), _block(512, 10)]) == manifest


def test_other_blocks_give_another_manifest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    names = {publish_manifest(store, blocks).path for blocks in ([], [_block(0)], [_block(0, 255)], [_block(256)])}
    assert len(names) == 4


@pytest.mark.parametrize(
    "data",
    [b"", b"{}!", b"3", b"[1]", b"[[1, 2]]", b'[["a", 2, "p", "s", 3]]', b'[[-1, 2, "p", "s", 3]]', b"\xff", b"[null]"],
)
def test_what_is_no_manifest_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"m\.json is no manifest of blocks"):
        read_manifest(path)
