"""The client's side of an embedder under test, and small data sets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from protos import embedder_pb2 as messages
from protos import embedder_pb2_grpc as services
from protos.common_pb2 import Artifact, Encoder
from services.common.artifacts import ArtifactStore
from services.common.blocks import BlockContent, read_block
from services.common.catalog import list_images, write_catalog


def write_images(folder: Path, count: int, seed: int = 0) -> Path:
    """Images of many sizes and modes; JPEG, PNG, GIF."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        height, width = rng.integers(10, 90, 2)
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        suffix = (".jpg", ".png", ".gif")[number % 3]
        image = image.convert("L") if number % 7 == 0 else image
        image.save(folder / f"{number:04d}{suffix}")
    return folder


@dataclass
class Place:
    """A store, a server on it and its client."""

    store: ArtifactStore
    stub: services.EmbedderStub
    health: Callable[[], dict[str, str] | None] = lambda: None

    def publish(self, path: Path) -> Artifact:
        data = path.read_bytes()
        return self.store.put(f"uploads/{hashlib.sha256(data).hexdigest()}", data)

    def catalog(self, root: Path) -> Artifact:
        images = list_images(root)
        with self.store.writing(f"catalogs/{os.urandom(8).hex()}.sqlite") as writing:
            write_catalog(writing.path, root, images)
        return writing.artifact

    def import_file(self, path: Path, **more: object) -> messages.ImportEncoderResponse:
        request = messages.ImportEncoderRequest(run="r", checkpoint=self.publish(path), file_name=path.name, **more)
        return self.stub.ImportEncoder(request)

    def embed(
        self, encoder: Encoder, catalog: Artifact, first: int = 0, blocks: int = 1, **options: str
    ) -> messages.EmbedShardResponse:
        request = messages.EmbedShardRequest(
            run="r",
            encoder=encoder,
            catalog=catalog,
            first_block=first,
            blocks=blocks,
            options=messages.EmbedOptions(**options),
        )
        return self.stub.EmbedShard(request)

    def content(self, block: messages.Block) -> BlockContent:
        return read_block(self.store.open(block.artifact))
