"""The demo's encoder learns something without labels, and its checkpoint is one of the original's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from demo.digits import write_digits
from demo.encoder import DIM, SIDE, MiniCnn, contrast, read_images, save, train


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.Tensor, np.ndarray]:
    """All images and their classes."""
    folder = tmp_path_factory.mktemp("digits")
    write_digits(folder)
    classes = [path.stem.split("_")[1] for path in sorted(folder.iterdir())]
    return read_images(folder), np.array(classes)


def purity(encoder: MiniCnn, images: torch.Tensor, classes: np.ndarray) -> float:
    """The share of the ten nearest neighbours that are of the same class."""
    with torch.no_grad():
        vectors = encoder(images)
    distances = torch.cdist(vectors, vectors).fill_diagonal_(float("inf"))
    nearest = distances.topk(10, largest=False).indices.numpy()
    return float((classes[nearest] == classes[:, None]).mean())


@pytest.mark.slow
def test_training_without_labels_brings_equal_digits_together(digits: tuple[torch.Tensor, np.ndarray]) -> None:
    images, classes = digits
    torch.manual_seed(0)
    untrained = purity(MiniCnn().eval(), images, classes)
    trained = purity(train(images), images, classes)
    assert trained > 0.92
    assert trained > untrained + 0.05


def test_equal_seeds_give_equal_weights(digits: tuple[torch.Tensor, np.ndarray]) -> None:
    images = digits[0][:128]
    before = torch.get_rng_state()
    one, same, other = (train(images, epochs=1, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["fc1.weight"], other["fc1.weight"])
    assert torch.equal(before, torch.get_rng_state())


def test_the_loss_falls_when_views_agree() -> None:
    vectors = torch.eye(8)
    assert contrast(vectors, vectors) < contrast(vectors, vectors.roll(1, 0))


def test_the_checkpoint_holds_tensors_and_nothing_that_runs(tmp_path: Path) -> None:
    encoder = MiniCnn()
    save(encoder, tmp_path / "SIMCLR_digits.ckpt")
    content = torch.load(tmp_path / "SIMCLR_digits.ckpt", weights_only=True)
    assert content["hyper_parameters"]["embedding_size"] == DIM
    assert content["state_dict"].keys() == {f"encoder.{name}" for name in encoder.state_dict()}
    assert [path.name for path in tmp_path.iterdir()] == ["SIMCLR_digits.ckpt"]
    assert encoder(torch.zeros(2, 3, SIDE, SIDE)).shape == (2, DIM)
