"""The client of the trainer's pre-training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.clients.caller import LONG_S, Caller
from orchestrator.clients.refs import ArtifactRef, EncoderRef
from protos import common_pb2, trainer_pb2


@dataclass(frozen=True)
class Wish:
    """What is to be trained, and how; see ``PretrainingParameters`` in the contracts."""

    method: str = "simclr"
    architecture: str = "resnet18"
    image_size: int = 64
    epochs: int = 100
    batch_size: int = 256
    lr: float = 0.0
    weight_decay: float = -1.0
    temperature: float = 0.2
    patience: int = 0
    seed: int = 0
    precision: str = "auto"
    device: str = "auto"
    threads: int = 0
    devices: int = 1


@dataclass(frozen=True)
class Progress:
    """How far a training is; encoder and metrics are there at its end."""

    epoch: int
    epochs: int
    images: int
    unreadable: int
    listed: int
    loss: float
    neighbours: float
    seconds: float
    encoder: EncoderRef | None = None
    metrics: ArtifactRef | None = None


class PretrainingClient:
    """Images without labels to an encoder."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def pretrain(self, run: str, catalog: ArtifactRef, wish: Wish, seconds: float) -> Progress:
        """Works on a training for about so many seconds, at least to the end of an epoch; the same call goes on with it."""
        return _progress(self._call(self._stub.Pretrain, _request(run, catalog, wish, seconds), LONG_S))

    def describe(self, run: str, catalog: ArtifactRef, wish: Wish) -> Progress:
        """How far the training is, while another call works on it."""
        return _progress(self._call(self._stub.DescribePretraining, _request(run, catalog, wish, 0.0)))


def _request(run: str, catalog: ArtifactRef, wish: Wish, seconds: float) -> trainer_pb2.PretrainRequest:
    parameters = trainer_pb2.PretrainingParameters(**asdict(wish))
    return trainer_pb2.PretrainRequest(
        run=run, catalog=catalog.to(common_pb2.Artifact), parameters=parameters, seconds=seconds
    )


def _progress(answer: Any) -> Progress:
    return Progress(
        answer.epoch,
        answer.epochs,
        answer.images,
        answer.unreadable,
        answer.listed,
        answer.loss,
        answer.neighbours,
        answer.seconds,
        EncoderRef.of(answer.encoder) if answer.done else None,
        ArtifactRef.of(answer.metrics) if answer.done else None,
    )
