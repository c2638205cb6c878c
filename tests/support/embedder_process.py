"""An embedder in a process of its own: ``python -m tests.support.embedder_process SECONDS WAY``, settings in the environment.

Its encoder is real; with SECONDS above zero, each batch takes so much longer, without the processor. With WAY "asleep" the
network is not asked at all: a batch costs its sleep, as if something else than the processors computed. With the path of a file
as WAY nothing is computed before there is such a file.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.artifacts import ArtifactStore
from services.common.process import run_service
from services.common.settings import read_settings
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass
from services.embedder.servicer import registration
from services.embedder.settings import EmbedderSettings

ROOT = Path(__file__).resolve().parents[2]
_LIFELINE = os.pipe()


class Sleepy(ForwardPass):
    """A forward pass that takes ``seconds`` longer."""

    seconds = 0.0

    def _embed(self, *arguments: Any) -> Any:
        time.sleep(self.seconds)
        return super()._embed(*arguments)


class Gated(ForwardPass):
    """A forward pass that waits for a file."""

    gate = Path()

    def _embed(self, *arguments: Any) -> Any:
        while not self.gate.exists():
            time.sleep(0.05)
        return super()._embed(*arguments)


class Asleep(ForwardPass):
    """A forward pass that does nothing but sleep: a vector is the first pixels of its image."""

    @staticmethod
    def _run(encoder: LoadedEncoder, batch: NDArray[np.uint8], precision: str) -> NDArray[np.float32]:
        time.sleep(Sleepy.seconds)
        return batch.reshape(len(batch), -1)[:, : encoder.spec.dim].astype(np.float32)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(port: int, artifacts: Path, seconds: float = 0.0, way: str = "slow") -> subprocess.Popen[str]:
    """Starts an embedder at a port; it ends with the test run, however that ends."""
    settings = {
        "ACTIVE_LABELER_LISTEN": f"127.0.0.1:{port}",
        "ACTIVE_LABELER_ARTIFACTS": str(artifacts),
        "ACTIVE_LABELER_COMPUTE_THREADS": "1",
        "ACTIVE_LABELER_DECODE_THREADS": "1",
        "ACTIVE_LABELER_DEVICE": "cpu",
        "ACTIVE_LABELER_VERBOSE": "false",
        "ACTIVE_LABELER_PARENT_PIPE": str(_LIFELINE[0]),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.support.embedder_process", str(seconds), way]
    return subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, pass_fds=(_LIFELINE[0],)
    )


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Until it listens."""
    assert process.stdout is not None
    assert process.stdout.readline().startswith("READY")


def stop(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Kills them."""
    for process in processes:
        process.kill()
        process.wait()


def address_list(ports: Sequence[int]) -> str:
    """One address for servers at several ports."""
    return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)


def main(seconds: float, way: str) -> None:
    import services.embedder.workers as workers

    Sleepy.seconds, Gated.gate = seconds, Path(way)
    ways = {"asleep": Asleep, "slow": Sleepy}
    workers.ForwardPass = ways.get(way, Gated)  # type: ignore[misc]
    settings = read_settings(EmbedderSettings)
    run_service(settings, lambda: [registration(ArtifactStore(settings.artifacts), settings)])


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
