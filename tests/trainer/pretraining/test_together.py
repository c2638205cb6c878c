"""Several processes train one encoder: Lightning's data-parallel strategy on processors (gloo), as several GPUs would."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from protos.errors import ActiveLabelerError, InternalError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.embedder.importing import Wanted, import_encoder
from services.trainer.pretraining.batches import Batches, Part
from services.trainer.pretraining.objectives import nt_xent
from tests.trainer.pretraining.test_work import SLICE_S, catalog_of, images, request, serving

__all__ = ["images"]  # a fixture
LONG_S = 300


def test_each_batch_is_shared_out_and_no_image_is_in_two_parts() -> None:
    pixels = np.arange(50, dtype=np.uint8).repeat(8 * 8 * 3).reshape(50, 8, 8, 3)
    rows = np.arange(3, 50)
    whole = [set(batch[:, 0, 0, 0].tolist()) for batch in Batches(pixels, rows, 12, 1, lambda: 4)]
    parts = [
        [set(batch[:, 0, 0, 0].tolist()) for batch in Batches(pixels, rows, 12, 1, lambda: 4, Part(number, 3))]
        for number in range(3)
    ]
    assert len(whole) == 3
    assert [set.union(*shares) for shares in zip(*parts, strict=True)] == whole
    assert all(len(share) == 4 for shares in parts for share in shares)
    odd = [len(batch) for number in range(3) for batch in Batches(pixels, rows, 13, 1, lambda: 0, Part(number, 3))]
    assert odd == [4] * 9  # what cannot be shared out waits for another epoch


def test_the_mean_loss_of_all_processes_is_that_of_the_whole_batch() -> None:
    draw = torch.Generator().manual_seed(1)
    first, second = (torch.randn(6, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    whole = nt_xent(first, second, 0.3)
    own = [
        torch.nn.functional.normalize(torch.cat([first[at], second[at]]).float(), dim=1)
        for at in (slice(3), slice(3, 6))
    ]
    parts = [
        nt_xent(first[at], second[at], 0.3, lambda _: torch.stack(own), number)
        for number, at in enumerate((slice(3), slice(3, 6)))
    ]
    assert float(sum(parts) / 2) == pytest.approx(float(whole), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simclr", pytest.param("simsiam", marks=pytest.mark.long)])
def test_two_processes_give_an_encoder_that_has_learnt(
    trainer: Any, store: ArtifactStore, images: Path, method: str
) -> None:
    answer = trainer.Pretrain(request(catalog_of(store, images), method=method, devices=2, epochs=6), timeout=LONG_S)
    assert (answer.done, answer.epoch, answer.images) == (True, 6, 42)
    assert np.isfinite(answer.loss) and 0 <= answer.neighbours <= 1
    done = import_encoder(store, Wanted(answer.encoder.artifact, "encoder.safetensors"))
    assert done.spec.architecture == "minicnn16"
    first, *_, last = (float(line.split(",")[1]) for line in store.open(answer.metrics).read_text().splitlines()[1:])
    assert last < first
    assert last == pytest.approx(answer.loss, abs=1e-5)


@pytest.mark.long
def test_a_killed_training_of_two_goes_on_in_slices_and_ends_as_a_calm_one(
    trainer: Any, store: ArtifactStore, images: Path, tmp_path: Path
) -> None:
    calm = trainer.Pretrain(request(catalog_of(store, images), devices=2, epochs=2), timeout=LONG_S)
    elsewhere = ArtifactStore(tmp_path / "other")
    asked = request(catalog_of(elsewhere, images), SLICE_S, devices=2, epochs=2)
    place = serving(elsewhere.root, tmp_path)
    with ThreadPoolExecutor(1) as pool, place as stub:
        assert stub.Pretrain(asked, timeout=LONG_S).epoch == 1
        future = pool.submit(stub.Pretrain, asked, timeout=LONG_S)
        members = _wait_for_members(place.process.pid, 2)
        os.kill(place.process.pid, signal.SIGKILL)
        with pytest.raises(ActiveLabelerError):
            future.result()
        _wait_until_gone(members)
    with serving(elsewhere.root, tmp_path) as stub:
        while not (answer := stub.Pretrain(asked, timeout=LONG_S)).done:
            pass
    assert answer.loss == calm.loss
    assert answer.encoder.artifact.sha256 == calm.encoder.artifact.sha256


@pytest.mark.long
def test_a_member_that_dies_ends_the_call_and_the_next_one_goes_on(
    store: ArtifactStore, images: Path, tmp_path: Path
) -> None:
    asked = request(catalog_of(store, images), devices=2, epochs=2)
    place = serving(store.root, tmp_path)
    with ThreadPoolExecutor(1) as pool, place as stub:
        future = pool.submit(stub.Pretrain, asked, timeout=LONG_S)
        members = _wait_for_members(place.process.pid, 2)
        os.kill(members[1], signal.SIGKILL)
        with pytest.raises(InternalError, match="process 1 of the pre-training ended with code -9"):
            future.result()
        _wait_until_gone(members)
        assert stub.Pretrain(asked, timeout=LONG_S).done


@pytest.mark.slow
def test_a_training_of_two_that_diverges_says_so(trainer: Any, store: ArtifactStore, images: Path) -> None:
    asked = request(catalog_of(store, images), method="simsiam", devices=2, epochs=3, lr=1e5, weight_decay=1e5)
    with pytest.raises(InvalidInputError, match="pre-training diverged in epoch"):
        trainer.Pretrain(asked, timeout=LONG_S)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"devices": 65}, "a number of devices of 65 cannot be pre-trained with; it takes 1 to 64"),
        ({"devices": 5}, "a batch of 16 images cannot be shared out to 5 devices: each takes at least 4"),
    ],
)
def test_what_cannot_be_shared_out_is_told(
    trainer: Any, store: ArtifactStore, images: Path, wrong: dict[str, int], says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        trainer.Pretrain(request(catalog_of(store, images), **wrong))


def _members_of(process: int) -> list[int]:
    """Its children that train, in the order of their numbers."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int(place.joinpath("stat").read_text().rpartition(")")[2].split()[1])
                command = place.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if parent == process and b"pretraining.member" in command:
                found.append(int(place.name))
    return sorted(found)


def _wait_for_members(process: int, count: int) -> list[int]:
    end = time.monotonic() + 60
    while len(found := _members_of(process)) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def _wait_until_gone(processes: list[int]) -> None:
    end = time.monotonic() + 30
    while any(_is_alive(process) for process in processes):
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
