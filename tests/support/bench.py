"""A run on a bench: real folders, a real store, and clients of one real server with the services that a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.folder import create
from orchestrator.journal import Journal
from orchestrator.questions import TerminalAsker
from orchestrator.reporting import TerminalReporter
from orchestrator.run import Run
from orchestrator.settings import EndpointSettings, RunSettings
from protos import common_pb2, embedder_pb2, embedder_pb2_grpc, labeler_pb2, labeler_pb2_grpc
from protos.rpc import Registration
from services.common.artifacts import ArtifactStore
from services.common.catalog import BLOCK_ROWS, Catalog
from tests.support.stores import put_blocks

DIM = 6
ENCODER = common_pb2.Encoder(
    artifact=common_pb2.Artifact(path="encoders/none", sha256="0" * 64, bytes=1), architecture="drawn", dim=DIM
)


def five(address: str) -> EndpointSettings:
    """All five services at one address."""
    return EndpointSettings.model_validate(dict.fromkeys(clients.SERVICES, address))


def run_settings(folder: Path, **more: Any) -> RunSettings:
    """Settings of a run with the data set in ``folder/data``."""
    places = {"data": folder / "data", "runtime": folder / "runtime", "output": folder / "output"}
    return RunSettings.model_validate({**places, **more})


def run_on_bench(folder: Path, address: str) -> Run:
    """A new run in ``folder`` that speaks with the services at ``address``; the caller closes its clients."""
    settings = run_settings(folder)
    made = create(settings)
    store = ArtifactStore(folder / "store")
    connected = clients.connect(five(address), Caller(30))
    return Run(made, settings, Journal(made.journal), store, connected, TerminalAsker(print), TerminalReporter())


class Embedder(embedder_pb2_grpc.EmbedderServicer):
    """The embedder's contract with random vectors; a call waits until ``go`` is set.

    Args:
        store: where the blocks are put.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store
        self.entered, self.go = threading.Event(), threading.Event()

    def ImportEncoder(self, request: Any, context: grpc.ServicerContext) -> embedder_pb2.ImportEncoderResponse:
        return embedder_pb2.ImportEncoderResponse(run=request.run, encoder=ENCODER, found="An encoder of the test")

    def ChoosePrecision(self, request: Any, context: grpc.ServicerContext) -> embedder_pb2.ChoosePrecisionResponse:
        return embedder_pb2.ChoosePrecisionResponse(run=request.run, precision="fp32", why="a test")

    def ChooseReading(self, request: Any, context: grpc.ServicerContext) -> embedder_pb2.ChooseReadingResponse:
        return embedder_pb2.ChooseReadingResponse(run=request.run, encoder=request.encoder, why="a test")

    def EmbedShard(self, request: Any, context: grpc.ServicerContext) -> embedder_pb2.EmbedShardResponse:
        self.entered.set()
        while not self.go.wait(0.1) and context.is_active():
            pass
        with Catalog(self.store.open(request.catalog)) as catalog:
            vectors = np.random.default_rng(3).normal(size=(len(catalog), DIM)).astype(np.float32)
        blocks = put_blocks(self.store, vectors)[request.first_block : request.first_block + request.blocks]
        assert sum(block.rows for block in blocks) <= request.blocks * BLOCK_ROWS
        return embedder_pb2.EmbedShardResponse(run=request.run, blocks=blocks, device="cpu")


def embedder(servicer: Embedder) -> Registration:
    """What `protos.rpc.serve` needs to serve it."""
    add = embedder_pb2_grpc.add_EmbedderServicer_to_server
    return Registration("activelabeler.v1.Embedder", lambda server: add(servicer, server))


def labeler(open_run: Callable[[], str]) -> Registration:
    """The labeler's contract; only OpenRun answers, with the page that ``open_run`` gives."""

    class Labeler(labeler_pb2_grpc.LabelerServicer):
        def OpenRun(self, request: Any, context: grpc.ServicerContext) -> labeler_pb2.OpenRunResponse:
            return labeler_pb2.OpenRunResponse(run=request.run, url=open_run())

    add = labeler_pb2_grpc.add_LabelerServicer_to_server
    return Registration("activelabeler.v1.Labeler", lambda server: add(Labeler(), server))


def touch_images(root: Path, names: Sequence[str]) -> None:
    """Files that are listed as images."""
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).write_bytes(b"no pixels")
