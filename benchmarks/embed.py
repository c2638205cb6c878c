"""Images per second of the embedder: end to end, each stage alone, and the original's way: ``python -m benchmarks.embed``.

End to end is ``embed_shard``, what EmbedShard calls: catalog, files, pixels, vectors, published blocks; an encoder with random
weights, bf16 and scaled decoding, by each back end that is installed (``--by torch``: by one). "decode" and "forward" are its
two stages alone, with the same threads. On a processor both share the cores, so 1/(1/decode + 1/forward) is what can be had,
and "of it" is how much is; "of slower" is the share of the slower stage's rate. "original" takes one image after the other:
Pillow decodes all of it, and a batch of one goes through the network in fp32, on one core or all of them, whichever is faster.
Cosines compare with exact decoding in PyTorch's fp32. The images are the test photographs (ACTIVE_LABELER_TEST_DATA), or drawn
where there are none.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from protos.common_pb2 import Encoder
from services.common.artifacts import ArtifactStore
from services.common.blocks import read_block
from services.common.catalog import BLOCK_ROWS, Catalog, list_images, write_catalog
from services.common.encoders.files import save_encoder
from services.common.encoders.geometry import read_pixels
from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import RESNETS, SCALED, EncoderSpec
from services.embedder.backends import OPENVINO, TORCH
from services.embedder.embedding import embed_shard
from services.embedder.forward import BATCH_ROWS, in_order
from services.embedder.openvino.library import is_installed
from services.embedder.settings import EmbedderSettings
from services.embedder.shards import Shard
from services.embedder.workers import Workers

CASES = (("resnet18", 64, 2048), ("resnet18", 224, 512), ("resnet50", 224, 128))  # with the images that are timed
SIZES = ((256, 256), (1024, 768))
_ORIGINAL_IMAGES = 32


def main() -> None:
    """Prints a table in Markdown."""
    installed = (OPENVINO,) if is_installed() else ()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embed")
    parser.add_argument("--by", choices=(TORCH, *installed), help="one back end; not given: all that are installed")
    parser.add_argument("--only", default="", help="cases whose name begins so, such as '256 x 256 | resnet18 at 64'")
    said = parser.parse_args()
    backends = (said.by,) if said.by else (TORCH, *installed)
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    sys.stdout.write(f"{cores} cores, images a second\n\n")
    sys.stdout.write(
        "| JPEG | encoder | by | end to end | decode | forward | of it | of slower | original | faster | cosine scaled | bf16 |\n"
    )
    sys.stdout.write(f"|{' --- |' * 12}\n")
    for width, height in SIZES:
        for architecture, side, count in CASES:
            case = f"{width} x {height} | {architecture} at {side}"
            if not case.startswith(said.only):
                continue
            spec = EncoderSpec(architecture, RESNETS[architecture], side)
            with (
                tempfile.TemporaryDirectory() as folder,
                closing(Bench(Path(folder), (width, height), spec, count)) as bench,
                bench.catalog,
            ):
                for backend in backends:
                    sys.stdout.write(f"| {case} | {backend} | {bench.row(backend)} |\n")
                    sys.stdout.flush()


class Bench:
    """A line of the table for each back end.

    Args:
        folder: for images, store and catalog.
        size: of the images.
        spec: of the encoder.
        count: of images that are timed.
    """

    def __init__(self, folder: Path, size: tuple[int, int], spec: EncoderSpec, count: int) -> None:
        self.count, self.spec = count, spec
        self.images = _images(folder / "images", size, count)
        self.store = ArtifactStore(folder / "store")
        write_catalog(folder / "store" / "c.sqlite", self.images, list_images(self.images))
        self.catalog = Catalog(folder / "store" / "c.sqlite")
        torch.manual_seed(1)
        self.network = build_network(spec.architecture, spec.dim).eval()
        with self.store.writing("encoders/a.safetensors") as writing:
            save_encoder(writing.path, self.network, spec)
        self.encoder = Encoder(artifact=writing.artifact)
        self.workers = Workers(self.store, EmbedderSettings(artifacts=self.store.root, device="cpu"))

    def close(self) -> None:
        """Ends the threads."""
        self.workers.close()

    def row(self, backend: str) -> str:
        """Its figures."""
        self.embed("bf16", "scaled", 1, backend)  # what a first call costs is no rate
        self.store.remove(self.shard("bf16", "scaled", 1, backend).name_of(self.catalog, 0))
        rate, vectors = self.embed("bf16", "scaled", -(-self.count // BLOCK_ROWS), backend)
        decode, forward, original = self.decode(), self.forward(backend), self.best_original
        exact = self.embed("fp32", "exact", 1)[1]
        scaled, rough = self.embed("fp32", "scaled", 1)[1], self.embed("bf16", "exact", 1, backend)[1]
        share, slower = rate * (1 / decode + 1 / forward), rate / min(decode, forward)
        assert np.isfinite(vectors).all()
        return (
            f"{rate:.0f} | {decode:.0f} | {forward:.0f} | {share:.0%} | {slower:.0%} | {original:.1f} | {rate / original:.1f}x |"
            f" {_cosine(exact, scaled):.5f} | {_cosine(exact, rough):.5f}"
        )

    def shard(self, precision: str, decode: str, blocks: int, backend: str = TORCH) -> Shard:
        """The first blocks."""
        return Shard(0, blocks, self.encoder.artifact.sha256, precision, decode, backend)

    def embed(
        self, precision: str, decode: str, blocks: int, backend: str = TORCH
    ) -> tuple[float, NDArray[np.float32]]:
        """Images a second end to end, and the vectors."""
        start = time.monotonic()
        shard = self.shard(precision, decode, blocks, backend)
        done = embed_shard(self.store, self.catalog, shard, self.encoder, "cpu", self.workers)
        seconds = time.monotonic() - start
        vectors = np.concatenate([read_block(self.store.open(block.artifact)).vectors for block in done.blocks])
        return len(vectors) / seconds, vectors

    def decode(self) -> float:
        """Images a second of reading and decoding alone."""
        start = time.monotonic()
        rows = self.catalog.rows(0, self.count)
        for file in self.workers.decoders.ahead(self.images, rows, replace(self.spec, decode=SCALED)):
            assert file.pixels is not None
        return self.count / (time.monotonic() - start)

    def forward(self, backend: str) -> float:
        """Images a second of the forward pass alone."""
        loaded = self.workers.encoders.load(self.encoder, torch.device("cpu"), backend)
        shape = (BATCH_ROWS, self.spec.image_size, self.spec.image_size, 3)
        pixels = list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        batches = range(self.count // BATCH_ROWS)
        start = time.monotonic()
        pass_ = self.workers.forward
        for _ in in_order(batches, lambda _: pass_.start(loaded, pixels, "bf16"), pass_.threads):
            pass
        return self.count / (time.monotonic() - start)

    @cached_property
    def best_original(self) -> float:
        """Images a second one by one, on one core or all."""
        return max(self.original(threads) for threads in {1, torch.get_num_threads()})

    def original(self, threads: int) -> float:
        """Images a second one by one."""
        torch.set_num_threads(threads)
        paths = [self.images / row.path for row in islice(self.catalog.rows(), _ORIGINAL_IMAGES)]
        start = time.monotonic()
        with torch.inference_mode():
            for path in paths:
                self.network(to_batch(read_pixels(path, self.spec)[None].copy()).contiguous())
        return len(paths) / (time.monotonic() - start)


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The smallest cosine of two rows."""
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def _images(folder: Path, size: tuple[int, int], count: int) -> Path:
    """``count`` files, links to the same few, each under a name of its own."""
    folder.mkdir()
    kept = folder.parent / "kept"
    kept.mkdir()
    few = [image.convert("RGB").resize(size, Image.Resampling.LANCZOS) for image in _photographs()]
    for number, image in enumerate(few):
        image.save(kept / f"{number}.jpg", quality=90)
    for number in range(count):
        (folder / f"{number:06d}.jpg").symlink_to(kept / f"{number % len(few)}.jpg")
    return folder


def _photographs(count: int = 64) -> list[Image.Image]:
    file = Path(os.environ.get("ACTIVE_LABELER_TEST_DATA", "")) / "photos.tar.gz"
    if not file.is_file():
        sys.stderr.write("no test photographs (ACTIVE_LABELER_TEST_DATA): the images are drawn\n")
        rng = np.random.default_rng(0)
        return [Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(count)]
    with tarfile.open(file) as archive:
        names = [member for member in archive if member.isfile() and member.name.lower().endswith((".jpg", ".jpeg"))]
        return [Image.open(io.BytesIO(archive.extractfile(name).read())) for name in names[:count]]  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
