"""The data sets: embeddings with a rare class in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOBS, DIM = 60, 64
CLASSES = 10


@dataclass(frozen=True)
class Pool:
    """Embeddings float32 [n, dim] in shuffled order, and which of them belong to the class, bool [n]."""

    name: str
    vectors: NDArray[np.float32]
    truth: NDArray[np.bool_]


def synthetic(modes: int, size: int, share: float, number: int) -> Pool:
    """Sixty round clouds in 64 dimensions, and a class of small clouds beside ``modes`` of them, equally large.

    The centres are standard normal, the clouds have a deviation of 1, those of the class of 0.8, and their centres
    are displaced by a normal vector of deviation 0.55 from a cloud's centre: near enough to hide, apart enough to be learnt.
    """
    rng = np.random.default_rng([modes, size, number])
    centres = rng.normal(size=(BLOBS, DIM))
    positives = round(size * share)
    truth = np.arange(size) < positives
    vectors = centres[rng.integers(0, BLOBS, size)] + rng.normal(size=(size, DIM))
    homes = centres[rng.integers(0, BLOBS, modes)] + 0.55 * rng.normal(size=(modes, DIM))
    vectors[:positives] = homes[np.arange(positives) % modes] + 0.8 * rng.normal(size=(positives, DIM))
    order = rng.permutation(size)
    return Pool(f"{modes}-mode {size // 1000}k {share:.1%}", vectors[order].astype(np.float32), truth[order])


def digits(number: int) -> Pool:
    """scikit-learn's handwritten digits: 16 of one digit, drawn by lot, and all others."""
    from sklearn.datasets import load_digits

    vectors, classes = load_digits(return_X_y=True)
    return rare("digits +16", vectors.astype(np.float32), classes == number, 16, number)


def rare(name: str, vectors: NDArray[np.float32], of_class: NDArray[np.bool_], keep: int, number: int) -> Pool:
    """``keep`` of a class, drawn by lot, among all others, in shuffled order."""
    rng = np.random.default_rng([keep, number])
    kept = rng.choice(np.flatnonzero(of_class), keep, replace=False)
    order = rng.permutation(np.concatenate([kept, np.flatnonzero(~of_class)]))
    return Pool(name, vectors[order], of_class[order])


def cifar(folder: Path, keep: int, number: int) -> Pool:
    """CIFAR-10's test images as an encoder sees them: ``vectors.npy`` [10000, dim] and ``paths.txt``, in one order."""
    paths = (folder / "paths.txt").read_text().splitlines()
    classes = np.array([path.rsplit("/", 1)[-1].rsplit("_", 1)[0] for path in paths])
    vectors: NDArray[np.float32] = np.load(folder / "vectors.npy", allow_pickle=False)
    name = sorted(set(classes.tolist()))[number]
    return rare(f"CIFAR +{keep}", vectors, classes == name, keep, number)


def all_pools(cifar_folder: Path | None) -> Iterator[tuple[str, list[Pool]]]:
    """Name of a data set and its ten classes."""
    for modes in (1, 4):
        for size, share in ((20_000, 0.01), (10_000, 0.002)):
            pools = [synthetic(modes, size, share, number) for number in range(CLASSES)]
            yield pools[0].name, pools
    yield "digits +16", [digits(number) for number in range(CLASSES)]
    if cifar_folder is not None:
        for keep in (91, 18):
            yield f"CIFAR +{keep}", [cifar(cifar_folder, keep, number) for number in range(CLASSES)]
