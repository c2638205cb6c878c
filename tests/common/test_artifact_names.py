"""Names and digests of artifacts: no name leads out of the store."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of, sha256_of_file


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


TRAVERSALS = [
    "", ".", "..", "/", "/etc/passwd", "../a", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "~/a", ".hidden", "a/.hidden",
    "-a", "a\\b", "a b", "a\n", "a\0b", "ä", "C:a", "a" * 201, "kind/a.sha256", "a\u2215b",
]  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
def test_name_that_is_none(store: ArtifactStore, name: str) -> None:
    for refused in (
        lambda: store.open(Artifact(path=name)),
        lambda: store.find(name),
        lambda: store.put(name, b"x"),
        lambda: store.remove(name),
    ):
        with pytest.raises(InvalidInputError, match="is no name of an artifact"):
            refused()
    assert not [path for path in store.root.rglob("*") if path.is_file()]


@given(st.text(max_size=30))
def test_no_name_leads_out_of_the_store(name: str) -> None:
    root = Path("/store")
    store = ArtifactStore.__new__(ArtifactStore)
    store.root = root
    try:
        path = store._path(name)
    except InvalidInputError:
        return
    assert os.path.normpath(path) == str(path)
    assert root in path.parents


def test_digest_depends_on_every_part_and_its_bounds() -> None:
    parts = [("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"), (b"a", b"c"), ("a", 1), ("a", 1.5), ()]
    assert len({digest_of(*some) for some in parts}) == len(parts)
    assert digest_of("a", b"b") == digest_of(b"a", "b")
    assert digest_of("é") == digest_of("é".encode())


def test_digest_of_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256_of_file(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()
