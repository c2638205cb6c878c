"""What the client of the trainer asks for, told by a real trainer's answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef, EncoderRef, GenerationRef
from orchestrator.clients.trainer import TrainerClient
from orchestrator.settings import RunSettings
from protos import rpc, trainer_pb2_grpc
from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.servicer import TrainerServicer
from services.trainer.settings import TrainerSettings

LABELS = (np.arange(20, dtype=np.uint64), np.arange(20) % 2 == 0)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def trainer(store: ArtifactStore, tmp_path: Path) -> Iterator[TrainerClient]:
    servicer = TrainerServicer(store, TrainerSettings(artifacts=store.root))
    add = trainer_pb2_grpc.add_TrainerServicer_to_server
    service = rpc.Registration("activelabeler.v1.Trainer", lambda server: add(servicer, server))
    server = rpc.serve([service], f"unix:{tmp_path / 'trainer.sock'}")
    with rpc.connect(server.address) as channel:
        yield TrainerClient(trainer_pb2_grpc.TrainerStub(channel), Caller())
    server.stop(0)


@pytest.fixture
def settings(tmp_path: Path) -> RunSettings:
    return RunSettings.model_validate({"data": str(tmp_path), "head": {"epochs": 2, "hidden_dim": 8}})


def put(store: ArtifactStore, name: str, array: Any) -> ArtifactRef:
    with store.writing(name) as writing, writing.path.open("wb") as file:
        np.save(file, array)
    return ArtifactRef.of(writing.artifact)


def generation(store: ArtifactStore, present: Any) -> GenerationRef:
    vectors = put(store, "vectors/v.npy", np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32))
    mask = put(store, "vectors/present.npy", present)
    return GenerationRef(
        id="g", vectors=vectors, present=mask, index=mask, rows=20, dim=6, metric="", num_trees=1, n_jobs=1, seed=0
    )


def test_a_head_learns_from_items_that_the_generation_has(
    trainer: TrainerClient, store: ArtifactStore, settings: RunSettings
) -> None:
    with pytest.raises(InvalidInputError, match="none of the 20 labelled items has an embedding"):
        trainer.train_head("r", 1, generation(store, np.zeros(20, dtype=bool)), LABELS, 20, None, settings)


def test_the_model_decides_at_the_threshold_of_the_run(
    trainer: TrainerClient, store: ArtifactStore, settings: RunSettings
) -> None:
    head = trainer.train_head("r", 1, generation(store, np.ones(20, dtype=bool)), LABELS, 20, None, settings).head
    spec = EncoderSpec("minicnn", 6, 16)
    network = build_network("minicnn", 6)
    artifact, _ = store.once("encoders/e.safetensors", lambda path: save_encoder(path, network, spec))
    encoder = EncoderRef(artifact=ArtifactRef.of(artifact), architecture="minicnn", dim=6, image_size=16)
    for arguments, threshold in (({}, 0.5), ({"threshold": 0.8}, 0.8)):
        model = trainer.export("r", encoder, head, "cat", **arguments)
        content = torch.load(store.open(model.to(Artifact)), weights_only=True)
        assert (content["positive_name"], content["threshold"]) == ("cat", threshold)
