"""Real embedders in processes of their own, behind one list of addresses: one that joins gets work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import EncoderRef
from orchestrator.embedding import embed, list_data
from orchestrator.reporting import TerminalReporter
from orchestrator.run import Run
from orchestrator.settings import EndpointSettings
from protos import rpc
from protos.common_pb2 import Encoder
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.index.servicer import registration
from tests.support import bench
from tests.support.embedder_process import address_list, free_ports, start, stop, wait_ready


class Watching(TerminalReporter):
    """Remembers when the progress first told of two workers."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.crew_at = 0.0

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Watching]:  # type: ignore[override]
        yield self

    def update(self, done: int, note: str = "") -> None:
        if "2 workers" in note and not self.crew_at:
            self.crew_at = time.monotonic()


def draw(folder: Path, count: int) -> None:
    """Small images, links to the same few."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    kept = folder.parent / "kept"
    kept.mkdir()
    for number in range(50):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(kept / f"{number}.jpg")
    for number in range(count):
        (folder / f"{number:06d}.jpg").symlink_to(kept / f"{number % 50}.jpg")


class Stage:
    """Images in a folder, and a run that speaks with embedders at some ports."""

    def __init__(self, folder: Path, images: int) -> None:
        self.folder = folder
        draw(folder / "data", images)

    @contextmanager
    def run(self, name: str, ports: Sequence[int]) -> Iterator[tuple[Run, EncoderRef, Watching]]:
        place = self.folder / name
        place.mkdir()
        (place / "data").symlink_to(self.folder / "data")
        store = ArtifactStore(place / "store")
        torch.manual_seed(1)
        with store.writing("encoders/a.safetensors") as writing:
            save_encoder(writing.path, build_network("minicnn8", 8), EncoderSpec("minicnn8", 8, 16))
        encoder = EncoderRef.of(Encoder(artifact=writing.artifact, architecture="minicnn8", dim=8, image_size=16))
        server = rpc.serve([registration(store, 2)], f"unix:{place}/i.sock")
        made = bench.run_on_bench(place, server.address)
        made.clients.close()
        targets = {**dict.fromkeys(clients.SERVICES, server.address), "embedder": address_list(ports)}
        connected = clients.connect(EndpointSettings.model_validate(targets), Caller(60))
        watching = Watching()
        try:
            yield replace(made, clients=connected, reporter=watching), encoder, watching
        finally:
            connected.close()
            made.journal.close()
            server.stop(0)


@pytest.mark.slow
def test_a_worker_added_while_embedding_gets_work_within_ten_seconds(tmp_path: Path) -> None:
    ports = free_ports(2)
    with Stage(tmp_path, 8000).run("run", ports) as (run, encoder, watching):
        workers = [start(ports[0], run.store.root, 0.1)]
        try:
            wait_ready(workers[0])
            thread = threading.Thread(target=lambda: embed(run, list_data(run), encoder))
            thread.start()
            time.sleep(1)
            workers.append(start(ports[1], run.store.root, 0.1))
            wait_ready(workers[1])
            added = time.monotonic()
            thread.join(120)
        finally:
            stop(workers)
    assert 0 < watching.crew_at - added < 10
