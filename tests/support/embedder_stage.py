"""A run that speaks with embedders in processes of their own, behind one list of addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import EncoderRef
from orchestrator.reporting import Reporter, TerminalReporter
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
from tests.support.embedder_process import address_list

SMALL = EncoderSpec("minicnn8", 8, 16)
_PATIENCE_S = 60


def draw(folder: Path, count: int, distinct: int = 50, suffix: str = "jpg") -> Path:
    """``count`` small images, links to the same ``distinct`` files beside the folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    kept = folder.parent / "kept"
    kept.mkdir()
    for number in range(distinct):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(kept / f"{number}.{suffix}")
    for number in range(count):
        (folder / f"{number:06d}.{suffix}").symlink_to(kept / f"{number % distinct}.{suffix}")
    return folder


@dataclass(frozen=True)
class Stage:
    """Images in a folder, and an encoder with the same random weights each time."""

    folder: Path
    data: Path
    spec: EncoderSpec = SMALL

    @contextmanager
    def run(
        self, name: str, ports: Sequence[int], reporter: Reporter | None = None, in_flight: int = 2
    ) -> Iterator[tuple[Run, EncoderRef]]:
        """A new run with a store of its own, ``folder/name/store``, that speaks with embedders at some ports of this machine.

        Args:
            in_flight: calls at the same time, at least.
        """
        place = self.folder / name
        place.mkdir()
        (place / "data").symlink_to(self.data)
        store = ArtifactStore(place / "store")
        server = rpc.serve([registration(store, 2)], f"unix:{place}/i.sock")
        made = bench.run_on_bench(place, server.address)
        made.clients.close()
        targets = {**dict.fromkeys(clients.SERVICES, server.address), "embedder": address_list(ports)}
        connected = clients.connect(EndpointSettings.model_validate(targets), Caller(_PATIENCE_S))
        reporter = reporter or TerminalReporter(quiet=True)
        try:
            yield replace(made, clients=connected, reporter=reporter, in_flight=in_flight), self._encoder(store)
        finally:
            connected.close()
            made.journal.close()
            server.stop(0)

    def _encoder(self, store: ArtifactStore) -> EncoderRef:
        torch.manual_seed(1)
        name, dim, side = self.spec.architecture, self.spec.dim, self.spec.image_size
        with store.writing("encoders/a.safetensors") as writing:
            save_encoder(writing.path, build_network(name, dim), self.spec)
        return EncoderRef.of(Encoder(artifact=writing.artifact, architecture=name, dim=dim, image_size=side))
