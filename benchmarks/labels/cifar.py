"""CIFAR-10's test images as an encoder sees them: ``python -m benchmarks.labels.cifar ARCHIVE FOLDER``.

Writes ``vectors.npy`` and ``paths.txt`` for the measurement. Without an encoder it is that of ``make bench-pretrain``, trained on
these images without labels; it is trained where it is not there yet.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.archives import unpack
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder
from services.common.encoders.geometry import read_pixels
from services.common.encoders.preprocess import to_batch
from services.embedder.importing import Wanted, import_encoder

_BATCH = 32


def main() -> None:
    """Unpacks, embeds, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="cifar10-test.tar.gz")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", type=Path, help="encoder file; not given: the pre-trained one")
    parser.add_argument("--hog", action="store_true", help="the builtin instead")
    parser.add_argument(
        "--pretrained", type=Path, default=Path("build/bench-pretrain"), help="folder of `make bench-pretrain`"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        unpack(asked.archive, Path(scratch))
        images = sorted(Path(scratch).rglob("*.jpg"))
        vectors = embed(_encoder(asked, Path(scratch)), images)
    asked.folder.mkdir(parents=True, exist_ok=True)
    np.save(asked.folder / "vectors.npy", vectors)
    (asked.folder / "paths.txt").write_text("\n".join(image.name for image in images) + "\n")


def _encoder(asked: argparse.Namespace, scratch: Path) -> Path:
    if asked.encoder is not None or asked.hog:
        return asked.encoder or hog(scratch)
    from benchmarks.pretraining import pretrained  # which embeds with `embed`

    return pretrained(asked.archive, asked.pretrained)


def hog(scratch: Path) -> Path:
    """The encoder file of the builtin."""
    store = ArtifactStore(scratch / "store")
    imported = import_encoder(store, Wanted(None, builtin="hog"))
    return store.open(imported.encoder.artifact)


def embed(encoder: Path, images: list[Path]) -> NDArray[np.float32]:
    """Embeddings float32 [n, dim] of image files."""
    spec, network = load_encoder(encoder)
    rows = []
    with torch.inference_mode():
        for first in range(0, len(images), _BATCH):
            pixels = np.stack([read_pixels(image, spec) for image in images[first : first + _BATCH]])
            rows.append(network(to_batch(pixels)).numpy())
    return np.concatenate(rows)


if __name__ == "__main__":
    main()
