"""A real embedder behind a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protos import embedder_pb2_grpc as services
from protos import rpc
from services.common.artifacts import ArtifactStore
from services.embedder.servicer import registration
from services.embedder.settings import EmbedderSettings
from tests.support.embedder_place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    store = ArtifactStore(tmp_path / "artifacts")
    settings = EmbedderSettings(artifacts=store.root, compute_threads=2, decode_threads=2, device="cpu")
    server = rpc.serve([registration(store, settings)], f"unix:{tmp_path}/e.sock")
    channel = rpc.connect(server.address, timeout_s=120)
    yield Place(store, services.EmbedderStub(channel), lambda: rpc.health_details(channel, "activelabeler.v1.Embedder"))
    channel.close()
    server.stop(0)
