"""Pre-training behind a real server: images to an encoder, in slices, killed and gone on with, and bad input."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from protos import rpc
from protos import trainer_pb2 as pb
from protos.common_pb2 import Artifact
from protos.errors import ActiveLabelerError, InvalidInputError, NotFoundError, UnavailableError
from protos.trainer_pb2_grpc import TrainerStub
from services.common.artifacts import ArtifactStore
from services.common.catalog import list_images, write_catalog
from services.embedder.importing import Wanted, import_encoder
from tests.support.pictures import draw_data_set

SLICE_S = 1e-6


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = draw_data_set(tmp_path / "data", 12, 30, 24) / "Unlabeled"
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (root / "empty.jpg").write_bytes(b"")
    return root


def catalog_of(store: ArtifactStore, root: Path) -> Artifact:
    with store.writing("catalogs/a.sqlite") as writing:
        write_catalog(writing.path, root, list_images(root))
    return writing.artifact


def request(catalog: Artifact, seconds: float = 0.0, **more: Any) -> pb.PretrainRequest:
    values: dict[str, Any] = {
        "method": "simclr",
        "architecture": "minicnn16",
        "image_size": 16,
        "epochs": 4,
        "batch_size": 16,
        "weight_decay": -1,
        "temperature": 0.2,
        "seed": 3,
        "precision": "fp32",
        "device": "cpu",
    }
    parameters = pb.PretrainingParameters(**{**values, **more})
    return pb.PretrainRequest(run="r1", catalog=catalog, parameters=parameters, seconds=seconds)


@pytest.mark.parametrize("method", ["simclr", "simsiam"])
def test_images_become_an_encoder_that_the_embedder_takes(
    trainer: Any, store: ArtifactStore, images: Path, method: str
) -> None:
    answer = trainer.Pretrain(request(catalog_of(store, images), method=method))
    assert (answer.run, answer.done, answer.epoch, answer.epochs) == ("r1", True, 4, 4)
    assert (answer.images, answer.unreadable, answer.listed) == (42, 2, 44)
    assert 0 <= answer.neighbours <= 1 and answer.seconds > 0
    lines = list(csv.DictReader(store.open(answer.metrics).read_text().splitlines()))
    assert [line["epoch"] for line in lines] == ["1", "2", "3", "4"]
    done = import_encoder(store, Wanted(answer.encoder.artifact, "encoder.safetensors"))
    assert (done.spec.architecture, done.spec.dim, done.spec.image_size) == ("minicnn16", 16, 16)
    assert done.encoder.architecture == "minicnn16"
    assert list((store.root / "pretraining").rglob("pixels*")) == []


def test_the_same_request_is_answered_from_what_is_there(trainer: Any, store: ArtifactStore, images: Path) -> None:
    asked = request(catalog_of(store, images))
    first = trainer.Pretrain(asked)
    for image in images.iterdir():
        image.unlink()
    again = trainer.Pretrain(asked)
    assert again == first and trainer.DescribePretraining(asked) == first


def test_slices_end_as_one_call_does(trainer: Any, store: ArtifactStore, images: Path, tmp_path: Path) -> None:
    calm = trainer.Pretrain(request(catalog_of(store, images)))
    elsewhere = ArtifactStore(tmp_path / "other")
    with serving(elsewhere.root, tmp_path) as stub:
        asked = request(catalog_of(elsewhere, images), SLICE_S)
        assert stub.DescribePretraining(asked).epoch == 0
        epochs = []
        while not (answer := stub.Pretrain(asked)).done:
            epochs.append(answer.epoch)
            assert stub.DescribePretraining(asked).epoch == answer.epoch
    assert epochs == [1, 2, 3]
    assert answer.encoder.artifact.sha256 == calm.encoder.artifact.sha256
    assert answer.loss == calm.loss


class serving:  # noqa: N801 - used as a function
    """A trainer in a process of its own."""

    def __init__(self, store: Path, scratch: Path) -> None:
        variables = {"ARTIFACTS": store, "LISTEN": f"unix:{scratch}/t.sock", "VERBOSE": False}
        environment = {**os.environ, **{f"ACTIVE_LABELER_{name}": str(value) for name, value in variables.items()}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.trainer"], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None and "READY" in self.process.stdout.readline()
        self.channel = rpc.connect(f"unix:{scratch}/t.sock")

    def __enter__(self) -> Any:
        return TrainerStub(self.channel)

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


@pytest.mark.long
def test_a_killed_training_goes_on_and_ends_as_a_calm_one(
    trainer: Any, store: ArtifactStore, images: Path, tmp_path: Path
) -> None:
    calm = trainer.Pretrain(request(catalog_of(store, images), epochs=60))
    elsewhere = ArtifactStore(tmp_path / "other")
    asked = request(catalog_of(elsewhere, images), epochs=60)
    place = serving(elsewhere.root, tmp_path)
    with ThreadPoolExecutor(1) as pool, place as stub:
        future = pool.submit(stub.Pretrain, asked)
        end = time.monotonic() + 60
        while (behind := stub.DescribePretraining(asked).epoch) < 3:
            assert time.monotonic() < end
        os.kill(place.process.pid, signal.SIGKILL)
        with pytest.raises(UnavailableError):
            future.result()
    with serving(elsewhere.root, tmp_path) as stub:
        assert 3 <= behind <= stub.DescribePretraining(asked).epoch < 60
        resumed = stub.Pretrain(asked)
    assert resumed.encoder.artifact.sha256 == calm.encoder.artifact.sha256


def test_patience_ends_the_training(trainer: Any, store: ArtifactStore, images: Path) -> None:
    # At this rate nothing changes, so that no epoch beats the first.
    answer = trainer.Pretrain(request(catalog_of(store, images), epochs=50, patience=2, lr=1e-30, weight_decay=0))
    assert (answer.done, answer.epoch) == (True, 3)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"method": "byol"}, "the method 'byol' is not known; it takes simclr or simsiam"),
        ({"architecture": "vgg"}, "'vgg' cannot be pre-trained"),
        ({"architecture": "hog"}, "'hog' cannot be pre-trained"),
        ({"architecture": "minicnn-3"}, "'minicnn-3' cannot be pre-trained"),
        ({"architecture": "minicnn0"}, "'minicnn0' cannot be pre-trained"),
        ({"image_size": 4}, "image size of 4"),
        ({"image_size": 5000}, "image size of 5000"),
        ({"architecture": "resnet18", "image_size": 16}, "image size of 16"),
        ({"epochs": 0}, "number of epochs of 0"),
        ({"batch_size": 1}, "batch size of 1"),
        ({"lr": -1}, "learning rate of -1"),
        ({"lr": float("nan")}, "learning rate of nan"),
        ({"temperature": 0}, "temperature of 0"),
        ({"weight_decay": -0.5}, "weight decay of -0.5"),
        ({"precision": "fp8"}, "precision 'fp8' is not known"),
        ({"device": "tpu"}, "device 'tpu' is not known"),
        ({"threads": 5000}, "5000 threads are too many"),
        ({"lr": 1e6}, "diverged in epoch"),
    ],
)
def test_bad_parameters_are_named(
    trainer: Any, store: ArtifactStore, images: Path, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        trainer.Pretrain(request(catalog_of(store, images), **more))


def test_bad_requests_are_named(trainer: Any, store: ArtifactStore, images: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="names no catalog"):
        trainer.Pretrain(request(Artifact()))
    with pytest.raises(NotFoundError, match=r"catalogs/b\.sqlite"):
        trainer.Pretrain(request(Artifact(path="catalogs/b.sqlite", sha256="0" * 64, bytes=1)))
    catalog = catalog_of(store, images)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="a call of"):
            trainer.Pretrain(request(catalog, seconds))
    images.rename(tmp_path / "moved")
    with pytest.raises(NotFoundError, match="is not on this machine"):
        trainer.Pretrain(request(catalog))


def test_too_few_readable_images_are_told(trainer: Any, store: ArtifactStore, images: Path) -> None:
    for image in sorted(images.glob("0*.png"))[7:]:
        image.write_bytes(b"no image")
    with pytest.raises(InvalidInputError, match=r"7 images cannot be pre-trained on \(37 could not be read\)"):
        trainer.Pretrain(request(catalog_of(store, images)))


def test_a_caller_that_leaves_stops_the_work(trainer: Any, store: ArtifactStore, images: Path) -> None:
    asked = request(catalog_of(store, images), epochs=50_000)
    with pytest.raises(ActiveLabelerError):
        trainer.Pretrain(asked, timeout=2)
    time.sleep(1)
    behind = trainer.DescribePretraining(asked).epoch
    time.sleep(1)
    assert 0 < trainer.DescribePretraining(asked).epoch == behind
