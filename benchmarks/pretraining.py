"""``python -m benchmarks.pretraining ARCHIVE [--out FOLDER]``: what pre-training gives on CIFAR-10's 10,000 test images.

The encoder of ``active-labeler pretrain``, trained on the images alone, beside the same network untrained and the builtin
``hog``: how many of the 1 and 10 nearest neighbours (cosine) are of the same class, and how much of one half a linear probe
(logistic regression on standardised embeddings) that has learned the other half tells rightly. A training that was interrupted
goes on, one that is done is not done again.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.archives import unpack
from benchmarks.labels.cifar import embed, hog
from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.common.catalog import list_images, write_catalog
from services.common.devices import choose_device
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.trainer.pretraining.plan import Plan
from services.trainer.pretraining.work import PretrainRequest, pretrain

PLAN = Plan("simclr", "resnet18", image_size=32, epochs=16, batch_size=256, temperature=0.2, seed=0)
_CALL_S = 20.0
_Measured = tuple[float, float, float]


def main() -> None:
    """Trains, embeds, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="cifar10-test.tar.gz")
    parser.add_argument("--out", type=Path, default=Path("build/bench-pretrain"))
    parser.add_argument("--epochs", type=int, default=PLAN.epochs)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="one, where others are at work as well")
    asked = parser.parse_args()
    if not asked.archive.is_file():
        print(
            f"skipped: there is no {asked.archive}; set ACTIVE_LABELER_TEST_DATA to the folder with cifar10-test.tar.gz"
        )
        return
    plan = replace(PLAN, epochs=asked.epochs)
    images = unpacked(asked.archive, asked.out)
    classes = np.unique([image.name.rsplit("_", 1)[0] for image in images], return_inverse=True)[1]
    arms: dict[str, Callable[[], Path]] = {
        "hog": lambda: hog(asked.out),
        "untrained": lambda: untrained(asked.out, plan),
        "pre-trained": lambda: pretrained(asked.archive, asked.out, plan, asked.threads),
    }
    print(
        "| encoder | purity, 1 neighbour | purity, 10 neighbours | linear probe |\n| --- | --- | --- | --- |",
        flush=True,
    )
    for name, encoder in arms.items():
        nearest, ten, probe = measure(embed(encoder(), images), classes)
        print(f"| {name} | {nearest:.1%} | {ten:.1%} | {probe:.1%} |", flush=True)


def unpacked(archive: Path, out: Path) -> list[Path]:
    """The image files below ``out/images``, in order."""
    folder = out / "images"
    if not folder.exists():
        scratch = out / "images.new"
        scratch.mkdir(parents=True, exist_ok=True)
        unpack(archive, scratch)
        scratch.rename(folder)
    return sorted(folder.rglob("*.jpg"))


def untrained(out: Path, plan: Plan) -> Path:
    """The same network with fresh weights."""
    torch.manual_seed(plan.seed)
    file = out / "untrained.safetensors"
    request = PretrainRequest(store_catalog(out), plan)
    save_encoder(file, build_network(plan.architecture, plan.dim).eval(), request.spec)
    return file


def store_catalog(out: Path) -> Artifact:
    """The catalog of the unpacked images."""
    root = (out / "images").absolute()
    store = ArtifactStore(out / "store")
    return store.once("catalogs/cifar.sqlite", lambda path: write_catalog(path, root, list_images(root)))[0]


def pretrained(archive: Path, out: Path, plan: Plan = PLAN, threads: int | None = None) -> Path:
    """The encoder file of the plan, trained on the images of the archive; on all cores unless told otherwise, once."""
    unpacked(archive, out)
    store = ArtifactStore(out / "store")
    request = PretrainRequest(store_catalog(out), plan, seconds=_CALL_S, threads=threads or os.cpu_count() or 1)
    start = time.monotonic()
    while (so_far := pretrain(store, request, [choose_device("auto")])).encoder is None:
        words = f"epoch {so_far.epoch} of {plan.epochs}, loss {so_far.loss:.3f}, monitor {so_far.neighbours:.1%}"
        print(f"{time.monotonic() - start:6.0f} s: {words}", flush=True)
    print(f"{so_far.epoch} epochs in {so_far.seconds:.0f} s, monitor {so_far.neighbours:.1%}", flush=True)
    return store.open(so_far.encoder)


def measure(vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> _Measured:
    """Purity of the nearest neighbour, of the ten nearest, and the accuracy of a linear probe on the half it has not seen."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    likeness = torch.from_numpy(unit @ unit.T).fill_diagonal_(-2)
    same = classes[likeness.topk(10).indices.numpy()] == classes[:, None]
    return float(same[:, 0].mean()), float(same.mean()), _probe(vectors, classes)


def _probe(vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    order = np.random.default_rng(0).permutation(len(classes))
    seen, unseen = np.array_split(order, 2)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return float(probe.fit(vectors[seen], classes[seen]).score(vectors[unseen], classes[unseen]))


if __name__ == "__main__":
    main()
