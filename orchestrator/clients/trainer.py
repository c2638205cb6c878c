"""The trainer's client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import LONG_S, Caller
from orchestrator.clients.refs import ArtifactRef, EncoderRef, GenerationRef, HeadRef, Trained, ValidationRef
from orchestrator.settings import RunSettings
from protos import common_pb2, trainer_pb2
from protos.wire import to_labels

Labelled = tuple[NDArray[np.uint64], NDArray[np.bool_]]


class TrainerClient:
    """Labels to heads, heads to scores, labels to better encoders."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def train_head(
        self,
        run: str,
        number: int,
        generation: GenerationRef,
        labelled: Labelled,
        position: int,
        parent: HeadRef | None,
        settings: RunSettings,
        doubted: tuple[Sequence[int], float] = ((), 0.0),
    ) -> Trained:
        """A head trained on the embeddings of labelled items, carried on from ``parent``.

        Args:
            doubted: items whose yes is held back where its out-of-fold probability is below the number.
        """
        request = trainer_pb2.TrainHeadRequest(
            run=run,
            round=number,
            vectors=generation.vectors.to(common_pb2.Artifact),
            labels=to_labels(*labelled),
            parameters=_parameters(settings),
            parent=parent.to(common_pb2.Head) if parent else None,
            label_position=position,
            present=generation.present.to(common_pb2.Artifact),
            doubted=doubted[0],
            believed_from=doubted[1],
        )
        answer = self._call(self._stub.TrainHead, request, LONG_S)
        held_out = ArtifactRef.of(answer.out_of_fold) if answer.HasField("out_of_fold") else None
        return _trained(answer, out_of_fold=held_out, held_back=answer.held_back)

    def fine_tune(
        self,
        run: str,
        number: int,
        encoder: EncoderRef,
        catalog: ArtifactRef,
        labelled: Labelled,
        position: int,
        parent: HeadRef | None,
        settings: RunSettings,
        generation: GenerationRef | None = None,
    ) -> Trained:
        """Encoder and head trained together on the labelled images.

        With the generation of the encoder, the new encoder is kept only where it is better on data that it has not seen.
        """
        parameters = _parameters(settings)
        parameters.epochs = settings.fine_tune_epochs
        request = trainer_pb2.FineTuneRequest(
            run=run,
            round=number,
            encoder=encoder.to(common_pb2.Encoder),
            catalog=catalog.to(common_pb2.Artifact),
            labels=to_labels(*labelled),
            parameters=parameters,
            parent=parent.to(common_pb2.Head) if parent else None,
            label_position=position,
            vectors=generation.vectors.to(common_pb2.Artifact) if generation else None,
            present=generation.present.to(common_pb2.Artifact) if generation else None,
        )
        answer = self._call(self._stub.FineTune, request, LONG_S)
        encoder = EncoderRef.of(answer.encoder)
        return _trained(answer, encoder=encoder, refused=answer.refused, verdict=answer.verdict)

    def score(self, run: str, head: HeadRef, generation: GenerationRef) -> ArtifactRef:
        """The probability of the positive class for every item, as an artifact."""
        request = trainer_pb2.ScoreRequest(
            run=run,
            head=head.to(common_pb2.Head),
            vectors=generation.vectors.to(common_pb2.Artifact),
            present=generation.present.to(common_pb2.Artifact),
        )
        return ArtifactRef.of(self._call(self._stub.Score, request, LONG_S).scores)

    def score_committee(
        self,
        run: str,
        head: HeadRef,
        generation: GenerationRef,
        labelled: Labelled,
        settings: RunSettings,
        seed: int,
        kind: str = "bootstrap",
        members: int = 0,
    ) -> ArtifactRef:
        """The probabilities that each member of a committee ("bootstrap" or "dropout"; 0 members: ten) gives every item."""
        request = trainer_pb2.ScoreCommitteeRequest(
            run=run,
            kind=kind,
            members=members,
            seed=seed,
            head=head.to(common_pb2.Head),
            vectors=generation.vectors.to(common_pb2.Artifact),
            present=generation.present.to(common_pb2.Artifact),
            labels=to_labels(*labelled),
            parameters=_parameters(settings),
        )
        return ArtifactRef.of(self._call(self._stub.ScoreCommittee, request, LONG_S).scores)

    def export(
        self,
        run: str,
        encoder: EncoderRef,
        head: HeadRef,
        positive_name: str,
        threshold: float = 0.5,
        kind: str = "ckpt",
    ) -> ArtifactRef:
        """One file ("ckpt", "safetensors" or "onnx") that classifies images: positive from a probability of ``threshold`` on."""
        request = trainer_pb2.ExportRequest(
            run=run,
            encoder=encoder.to(common_pb2.Encoder),
            head=head.to(common_pb2.Head),
            positive_name=positive_name,
            threshold=threshold,
            format=kind,
        )
        return ArtifactRef.of(self._call(self._stub.Export, request, 600).model)


def _trained(answer: Any, **more: Any) -> Trained:
    return Trained(
        head=HeadRef.of(answer.head),
        validation=ValidationRef.of(answer.validation),
        best_epoch=answer.best_epoch,
        seconds=answer.seconds,
        **more,
    )


def _parameters(settings: RunSettings) -> trainer_pb2.TrainingParameters:
    head = settings.head
    return trainer_pb2.TrainingParameters(
        kind=head.kind,
        hidden_dim=head.hidden_dim,
        dropout=head.dropout,
        lr=head.lr,
        momentum=head.momentum,
        weight_decay=head.weight_decay,
        scheduler=head.scheduler,
        final_lr=head.final_lr,
        gamma=head.gamma,
        decay_epochs=head.decay_epochs,
        epochs=head.epochs,
        batch_size=head.batch_size,
        validation_share=head.validation_share,
        seed=settings.head_seed,
        threads=settings.threads,
        encoder_lr=settings.fine_tune.encoder_lr,
        train_encoder=settings.fine_tune.train_encoder,
        device=settings.device,
        c=head.c,
    )
