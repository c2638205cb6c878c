"""Annoy files: built, verified, the same each time."""

from __future__ import annotations

import dataclasses
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from protos.errors import ExhaustedError, InternalError
from services.index import annoy_file
from services.index.annoy_file import Trees, build_annoy
from services.index.parameters import BuildParameters

ROWS, DIM = 700, 8
PARAMETERS = BuildParameters(rows=ROWS, dim=DIM, metric="euclidean", num_trees=5, n_jobs=1, seed=3)
EVERYONE = np.ones(ROWS, dtype=np.bool_)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32)


def _neighbours(
    path: Path, query: np.ndarray, k: int = ROWS, metric: str = "euclidean"
) -> tuple[list[int], list[float]]:
    return Trees(path, DIM, metric).neighbours(query.tolist(), k, 10**6)


def test_every_item_is_found(tmp_path: Path, vectors: np.ndarray) -> None:
    build_annoy(tmp_path / "a", PARAMETERS, vectors, EVERYONE)
    items, distances = _neighbours(tmp_path / "a", vectors[5])
    assert sorted(items) == list(range(ROWS))
    assert items[0] == 5
    assert distances == sorted(distances)
    assert np.allclose(distances, np.linalg.norm(vectors[items] - vectors[5], axis=1), atol=1e-5)


def test_absent_items_are_not_added(tmp_path: Path, vectors: np.ndarray) -> None:
    present = np.arange(ROWS) % 3 == 1
    build_annoy(tmp_path / "a", PARAMETERS, np.where(present[:, None], vectors, 0).astype(np.float32), present)
    items, _ = _neighbours(tmp_path / "a", np.zeros(DIM))
    assert sorted(items) == np.flatnonzero(present).tolist()


@pytest.mark.parametrize("only", [0, ROWS - 1, 300])
def test_one_item_is_enough(tmp_path: Path, vectors: np.ndarray, only: int) -> None:
    build_annoy(tmp_path / "a", PARAMETERS, vectors, np.arange(ROWS) == only)
    assert _neighbours(tmp_path / "a", vectors[3])[0] == [only]


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
@pytest.mark.parametrize("value", [0.0, 1.0, 1e30])
def test_vectors_that_are_all_the_same(tmp_path: Path, metric: str, value: float) -> None:
    same = np.full((ROWS, DIM), value, dtype=np.float32)
    build_annoy(tmp_path / "a", dataclasses.replace(PARAMETERS, metric=metric), same, EVERYONE)
    assert len(_neighbours(tmp_path / "a", same[0], 10, metric)[0]) == 10


def test_one_job_and_one_seed_give_the_same_bytes(tmp_path: Path, vectors: np.ndarray) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        build_annoy(tmp_path / name, dataclasses.replace(PARAMETERS, seed=seed), vectors, EVERYONE)
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


@pytest.mark.parametrize("seed", [0, 2**31 - 1, 2**31, 2**63, 2**64 - 1])
def test_any_seed(tmp_path: Path, vectors: np.ndarray, seed: int) -> None:
    build_annoy(tmp_path / "a", dataclasses.replace(PARAMETERS, seed=seed), vectors, EVERYONE)


def test_several_jobs(tmp_path: Path, vectors: np.ndarray) -> None:
    build_annoy(tmp_path / "a", dataclasses.replace(PARAMETERS, n_jobs=2), vectors, EVERYONE)
    assert _neighbours(tmp_path / "a", vectors[5])[0][0] == 5


def test_full_disk_is_noticed_before_it_kills(
    tmp_path: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 20))
    with pytest.raises(ExhaustedError, match=r"the index needs about 1 MiB in .*, but 1 MiB are free; free some"):
        build_annoy(tmp_path / "a", PARAMETERS, vectors, EVERYONE)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("rows", "dim", "trees"), [(3000, 8, 20), (3000, 64, 50), (500, 256, 10)])
def test_announced_size_is_enough(tmp_path: Path, rows: int, dim: int, trees: int) -> None:
    some = np.random.default_rng(0).normal(size=(rows, dim)).astype(np.float32)
    parameters = BuildParameters(rows, dim, "euclidean", trees, 1, 0)
    build_annoy(tmp_path / "a", parameters, some, np.ones(rows, dtype=np.bool_))
    written = (tmp_path / "a").stat().st_size
    assert written < annoy_file.room_for(parameters) < 3 * written + (2 << 20)


def test_file_that_answers_wrongly_is_not_published(tmp_path: Path, vectors: np.ndarray) -> None:
    build_annoy(tmp_path / "a", PARAMETERS, vectors, EVERYONE)
    with pytest.raises(InternalError, match="holds another vector for item"):
        annoy_file.verify(tmp_path / "a", PARAMETERS, vectors + 1, EVERYONE)
    with pytest.raises(InternalError, match="holds 700 items instead of 351"):
        annoy_file.verify(tmp_path / "a", PARAMETERS, vectors, np.arange(ROWS) <= 350)
    twins = np.vstack((vectors[:1], vectors[1:-1], vectors[:1]))
    build_annoy(tmp_path / "b", PARAMETERS, twins, EVERYONE)
    with pytest.raises(InternalError, match=r"finds \[0\] nearest to item 699"):
        annoy_file.verify(tmp_path / "b", PARAMETERS, twins, np.arange(ROWS) == ROWS - 1)
