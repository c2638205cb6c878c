"""The embedder's memory while it embeds a million small files: ``python -m benchmarks.memory [--images 1000000]``.

A real embedder in a process of its own, two calls in flight as the orchestrator has them. The files are links to the same few.
Measured is the resident memory of the process, as the kernel has it: after a tenth, at the end, and the most that it ever was.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from protos import embedder_pb2, embedder_pb2_grpc, rpc
from protos.common_pb2 import Artifact, Encoder
from services.common.artifacts import ArtifactStore
from services.common.catalog import BLOCK_ROWS, list_images, write_catalog
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from tests.support.embedder_process import free_ports, start, wait_ready

BAR_MB = 2000
_DISTINCT, _A_FOLDER, _BLOCKS_A_CALL, _IN_FLIGHT = 512, 5_000, 32, 2


def main() -> None:
    """Prints memory and pace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Path(folder), asked.images))


def measure(folder: Path, images: int) -> str:
    """What the embedder took, in words."""
    make_data(folder / "data", images)
    store = ArtifactStore(folder / "store")
    catalog, encoder = _catalog(store, folder / "data"), _encoder(store)
    port = free_ports(1)[0]
    process = start(port, store.root)
    try:
        wait_ready(process)
        idle, begin = _memory(process.pid, "VmRSS"), time.monotonic()
        tenth = _embed_all(f"127.0.0.1:{port}", catalog, encoder, images, process.pid)
        seconds = time.monotonic() - begin
        end, most = _memory(process.pid, "VmRSS"), _memory(process.pid, "VmHWM")
    finally:
        process.kill()
        process.wait()
    return (
        f"{images} images, {os.cpu_count()} cores, {images / seconds:.0f} images/s\n"
        f"resident MB: {idle:.0f} before, {tenth:.0f} after a tenth, {end:.0f} at the end, {most:.0f} at most;"
        f" the bar is {BAR_MB}: {'met' if most < BAR_MB else 'missed'}"
    )


def make_data(folder: Path, images: int) -> None:
    """``images`` names of a few hundred JPEG files of 32 pixels."""
    rng = np.random.default_rng(0)
    seeds = folder.with_name("distinct")
    seeds.mkdir(parents=True)
    for number in range(_DISTINCT):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(seeds / f"{number}.jpg", quality=80)
    for first in range(0, images, _A_FOLDER):
        below = folder / f"{first // _A_FOLDER:05d}"
        below.mkdir(parents=True)
        for number in range(first, min(first + _A_FOLDER, images)):
            os.link(seeds / f"{number % _DISTINCT}.jpg", below / f"{number:07d}.jpg")


def _catalog(store: ArtifactStore, data: Path) -> Artifact:
    with store.writing("catalogs/all.sqlite") as writing:
        write_catalog(writing.path, data, list_images(data))
    return writing.artifact


def _encoder(store: ArtifactStore) -> Encoder:
    torch.manual_seed(0)
    with store.writing("encoders/small.safetensors") as writing:
        save_encoder(writing.path, build_network("minicnn128", 128), EncoderSpec("minicnn128", 128, 32))
    return Encoder(artifact=writing.artifact, architecture="minicnn128", dim=128, image_size=32)


def _embed_all(address: str, catalog: Artifact, encoder: Encoder, images: int, pid: int) -> float:
    """Embeds all; returns the memory after a tenth of the images, in MB."""
    total = -(-images // BLOCK_ROWS)
    tenth, done = 0.0, 0
    with rpc.connect(address, timeout_s=600) as channel, ThreadPoolExecutor(_IN_FLIGHT) as pool:
        stub = embedder_pb2_grpc.EmbedderStub(channel)

        def call(first: int) -> int:
            count = min(_BLOCKS_A_CALL, total - first)
            request = embedder_pb2.EmbedShardRequest(
                run="memory", encoder=encoder, catalog=catalog, first_block=first, blocks=count
            )
            return len(stub.EmbedShard(request).blocks)

        waiting: set[Future[int]] = set()
        for first in range(0, total, _BLOCKS_A_CALL):
            if len(waiting) >= _IN_FLIGHT:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                done += sum(future.result() for future in ready)
                if not tenth and done >= total / 10:
                    tenth = _memory(pid, "VmRSS")
            waiting.add(pool.submit(call, first))
        for future in waiting:
            future.result()
    return tenth


def _memory(pid: int, what: str) -> float:
    """A line of the process's status, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1000


if __name__ == "__main__":
    main()
