"""Scores: of every item, by name, and not-a-number where there is nothing to score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.trainer.heads import EVALUATOR, Head, HeadRecord, HeadShape, head_bytes
from services.trainer.scoring import CHUNK_ROWS, score

Put = Callable[[str, Any], Artifact]


@pytest.fixture
def head(store: ArtifactStore) -> tuple[Head, Artifact]:
    made = Head(HeadShape(EVALUATOR, 16, 8, 0.5)).eval()
    return made, store.put("heads/one.safetensors", head_bytes(made, HeadRecord(made.shape, "", 0, 0, 0.1, 1)))


def test_scores_are_the_sigmoid_of_the_head_in_every_chunk(
    store: ArtifactStore, put: Put, head: tuple[Head, Artifact]
) -> None:
    rows = np.random.default_rng(0).normal(size=(2 * CHUNK_ROWS + 5, 16)).astype(np.float32)
    artifact, seconds = score(store, head[1], put("v.npy", rows), None)
    found = np.load(store.open(artifact))
    assert (found.dtype, found.shape) == (np.float32, (len(rows),))
    np.testing.assert_allclose(found, torch.sigmoid(head[0](torch.from_numpy(rows))).detach().numpy(), rtol=1e-5)
    assert seconds >= 0


def test_items_without_an_embedding_have_no_score(
    store: ArtifactStore, put: Put, head: tuple[Head, Artifact], pool: Any
) -> None:
    present = np.arange(400) % 7 != 0
    artifact, _ = score(store, head[1], put("v.npy", pool.vectors), put("p.npy", present))
    assert np.array_equal(np.isnan(np.load(store.open(artifact))), ~present)


def test_the_same_call_finds_the_same_scores_and_another_mask_makes_others(
    store: ArtifactStore, put: Put, head: tuple[Head, Artifact], pool: Any
) -> None:
    vectors = put("v.npy", pool.vectors)
    first, _ = score(store, head[1], vectors, None)
    written = store.open(first).stat().st_mtime_ns
    assert score(store, head[1], vectors, None)[0] == first
    assert store.open(first).stat().st_mtime_ns == written
    assert score(store, head[1], vectors, put("p.npy", np.zeros(400, dtype=bool)))[0].path != first.path


def test_what_does_not_go_together_is_refused(
    store: ArtifactStore, put: Put, head: tuple[Head, Artifact], pool: Any
) -> None:
    with pytest.raises(InvalidInputError, match="embeddings of 16 numbers, these have 12"):
        score(store, head[1], put("narrow.npy", pool.vectors[:, :12].copy()), None)
    vectors = put("v.npy", pool.vectors)
    with pytest.raises(InvalidInputError, match="400 embeddings with a mask of 399"):
        score(store, head[1], vectors, put("short.npy", np.ones(399, dtype=bool)))
    with pytest.raises(DamagedError):
        score(store, head[1], vectors, put("numbers.npy", np.ones(400)))
    with pytest.raises(DamagedError, match="is no head"):
        score(store, vectors, vectors, None)


def test_an_empty_generation_has_no_scores(store: ArtifactStore, put: Put, head: tuple[Head, Artifact]) -> None:
    artifact, _ = score(store, head[1], put("none.npy", np.empty((0, 16), dtype=np.float32)), None)
    assert np.load(store.open(artifact)).shape == (0,)
