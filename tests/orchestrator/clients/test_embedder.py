"""What the client of the embedder asks for, told by a real embedder's answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestrator.clients.caller import Caller
from orchestrator.clients.embedder import EmbedderClient
from orchestrator.settings import RunSettings
from protos import embedder_pb2_grpc, rpc
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.embedder.servicer import registration
from services.embedder.settings import EmbedderSettings

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub


@pytest.fixture
def embedder(tmp_path: Path) -> Iterator[EmbedderClient]:
    store = ArtifactStore(tmp_path / "artifacts")
    settings = EmbedderSettings(artifacts=store.root, compute_threads=1, decode_threads=1, device="cpu")
    server = rpc.serve([registration(store, settings)], f"unix:{tmp_path / 'e.sock'}")
    with rpc.connect(server.address) as channel:
        yield EmbedderClient(embedder_pb2_grpc.EmbedderStub(channel), Caller())
    server.stop(0)


def settings(tmp_path: Path, **encoder: object) -> RunSettings:
    return RunSettings.model_validate({"data": str(tmp_path), "encoder": encoder})


def test_a_model_of_the_hub_wins_over_the_builtin_and_understands_phrases(
    embedder: EmbedderClient, tmp_path: Path
) -> None:
    hub.save_model(tmp_path / "model", "clip")
    wanted = settings(tmp_path, model=str(tmp_path / "model"), image_size=48)
    encoder, found = embedder.import_encoder("r", None, wanted)
    assert (encoder.architecture, encoder.dim, encoder.image_size) == ("clip", 24, 48)
    assert found.startswith("Hub model of type clip, which understands phrases: 24 numbers")
    vectors = embedder.embed_text("r", encoder, ["a crater", "un cratère"], wanted)
    assert vectors.shape == (2, 24) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_a_builtin_is_taken_where_it_is_named_and_has_no_words(embedder: EmbedderClient, tmp_path: Path) -> None:
    wanted = settings(tmp_path, builtin="hog")
    encoder, _ = embedder.import_encoder("r", None, wanted)
    assert encoder.architecture == "hog"
    with pytest.raises(InvalidInputError, match="the encoder hog does not understand phrases"):
        embedder.embed_text("r", encoder, ["a crater"], wanted)
