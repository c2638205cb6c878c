"""The messages of pre-training: message -> call -> message."""

from __future__ import annotations

import math

from protos import trainer_pb2
from protos.errors import InvalidInputError
from services.common.encoders.files import encoder_of
from services.trainer.pretraining.plan import Plan
from services.trainer.pretraining.work import Pretraining, PretrainRequest
from services.trainer.settings import TrainerSettings


def asked_of(request: trainer_pb2.PretrainRequest, settings: TrainerSettings) -> PretrainRequest:
    """What a message asks for.

    Raises:
        InvalidInputError: when it names no catalog, or a parameter is out of its range.
    """
    if not request.catalog.path:
        raise InvalidInputError("the request names no catalog; give the artifact that holds the catalog")
    if not (math.isfinite(request.seconds) and request.seconds >= 0):
        raise InvalidInputError(f"a call of {request.seconds:g} seconds is not possible; give 0 or more")
    wanted = request.parameters
    if wanted.threads > 4096:
        raise InvalidInputError(f"{wanted.threads} threads are too many; it takes 0 to 4096")
    plan = Plan(
        wanted.method,
        wanted.architecture,
        wanted.image_size,
        wanted.epochs,
        wanted.batch_size,
        wanted.lr,
        wanted.weight_decay,
        wanted.temperature,
        wanted.patience,
        wanted.seed,
        wanted.precision or "auto",
        wanted.devices or 1,
    )
    threads = wanted.threads or settings.compute_threads
    return PretrainRequest(request.catalog, plan, settings.data_root, request.seconds, threads)


def told(run: str, asked: PretrainRequest, so_far: Pretraining) -> trainer_pb2.PretrainResponse:
    """The answer."""
    encoder = None if so_far.encoder is None else encoder_of(so_far.encoder, asked.spec)
    return trainer_pb2.PretrainResponse(
        run=run,
        done=encoder is not None,
        encoder=encoder,
        epoch=so_far.epoch,
        epochs=asked.plan.epochs,
        images=so_far.decoding.images,
        unreadable=so_far.decoding.unreadable,
        listed=so_far.listed,
        loss=so_far.loss,
        neighbours=so_far.neighbours,
        seconds=so_far.seconds,
        metrics=so_far.metrics,
    )
