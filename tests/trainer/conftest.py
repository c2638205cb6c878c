"""What the tests of the trainer share: a store, embeddings that can be told apart, and a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from protos import rpc, trainer_pb2_grpc
from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.common.catalog import list_images, write_catalog
from services.trainer.servicer import TrainerServicer
from services.trainer.settings import TrainerSettings


@dataclass(frozen=True)
class Pool:
    """Embeddings [400, 16] of which every tenth is positive, around another centre."""

    vectors: NDArray[np.float32]
    positive: NDArray[np.bool_]

    def labels(self, count: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The first ``count`` items with their true labels."""
        return np.arange(count, dtype=np.uint64), self.positive[:count]


@dataclass(frozen=True)
class Images:
    """A folder of 24 images, red ones (positive) and blue ones in turn, and its catalog in the store."""

    folder: Path
    catalog: Artifact
    positive: NDArray[np.bool_]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def put(store: ArtifactStore) -> Callable[[str, NDArray[Any]], Artifact]:
    """Publishes an array as an ``.npy`` artifact."""

    def put_array(name: str, array: NDArray[Any]) -> Artifact:
        with store.writing(name) as writing, writing.path.open("wb") as file:
            np.save(file, array)
        return writing.artifact

    return put_array


@pytest.fixture(scope="session")
def pool() -> Pool:
    rng = np.random.default_rng(5)
    positive = np.arange(400) % 10 == 3
    centres = rng.normal(size=(2, 16)) * 3
    vectors = centres[positive.astype(int)] + rng.normal(size=(400, 16)) * 1.5
    return Pool(vectors.astype(np.float32), positive)


@pytest.fixture
def vectors(put: Callable[[str, NDArray[Any]], Artifact], pool: Pool) -> Artifact:
    return put("vectors/pool.npy", pool.vectors)


@pytest.fixture
def images(tmp_path: Path, store: ArtifactStore) -> Images:
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(7)
    positive = np.arange(24) % 2 == 0
    for item, red in enumerate(positive):
        pixels = rng.integers(0, 120, (20, 24, 3))
        pixels[..., 0 if red else 2] += 130
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{item:02d}.png")
    return Images(folder, publish_catalog(store, folder, "catalogs/images.sqlite"), positive)


def publish_catalog(store: ArtifactStore, folder: Path, name: str) -> Artifact:
    with store.writing(name) as writing:
        write_catalog(writing.path, folder, list_images(folder))
    return writing.artifact


@pytest.fixture
def trainer(store: ArtifactStore, tmp_path: Path) -> Iterator[trainer_pb2_grpc.TrainerStub]:
    """A stub of a trainer on a real server."""
    servicer = TrainerServicer(store, TrainerSettings(artifacts=store.root))
    add = trainer_pb2_grpc.add_TrainerServicer_to_server
    service = rpc.Registration("activelabeler.v1.Trainer", lambda server: add(servicer, server))
    server = rpc.serve([service], f"unix:{tmp_path / 'trainer.sock'}")
    with rpc.connect(server.address) as channel:
        yield trainer_pb2_grpc.TrainerStub(channel)
    server.stop(0)


@pytest.fixture
def auc() -> Callable[[NDArray[Any], NDArray[np.bool_]], float]:
    """The share of (positive, negative) pairs that scores put in the right order."""

    def area(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
        high, low = scores[positive][:, None], scores[~positive][None, :]
        return float((high > low).mean() + (high == low).mean() / 2)

    return area
