"""The encoders that measurements are made with: the builtin, the pre-trained and the untrained one."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.labels.cifar import embed, hog
from benchmarks.pretraining import PLAN, measure, pretrained, unpacked, untrained

_IMAGES = 12


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Of two classes: dark images and bright ones."""
    rng = np.random.default_rng(0)
    with tarfile.open(tmp_path / "drawn.tar.gz", "w:gz") as files:
        for number in range(_IMAGES):
            name = f"{'bright' if number % 2 else 'dark'}_{number:04}.jpg"
            pixels = rng.integers(0, 64, (32, 32, 3)) + 160 * (number % 2)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name)
            files.add(tmp_path / name, arcname=name)
    return tmp_path / "drawn.tar.gz"


@pytest.mark.slow
def test_the_encoders_of_the_measurement_give_each_image_a_vector(archive: Path, tmp_path: Path) -> None:
    images = unpacked(archive, tmp_path / "out")
    plan = replace(PLAN, architecture="minicnn16", epochs=1, batch_size=4)
    trained = pretrained(archive, tmp_path / "out", plan, threads=1)
    fresh = untrained(tmp_path / "out", plan)
    rows = [embed(encoder, images) for encoder in (hog(tmp_path / "out"), trained, fresh)]
    assert [len(vectors) for vectors in rows] == [_IMAGES] * 3
    assert rows[1].shape == rows[2].shape == (_IMAGES, 16)
    assert not np.allclose(rows[1], rows[2]), "the training changed nothing"
    again = pretrained(archive, tmp_path / "out", plan, threads=1)
    assert again == trained, "what is done was done again"


def test_neighbours_of_the_same_class_and_a_probe_are_told_apart_from_chance() -> None:
    rng = np.random.default_rng(0)
    classes = np.arange(400) % 2
    apart = rng.normal(size=(400, 8)) + 6 * classes[:, None]
    assert min(measure(apart.astype(np.float32), classes)) > 0.95
    assert max(measure(rng.normal(size=(400, 8)).astype(np.float32), classes)) < 0.65
