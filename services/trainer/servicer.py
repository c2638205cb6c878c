"""The contracts of the trainer: message -> call -> message."""

from __future__ import annotations

from dataclasses import asdict

import grpc
import numpy as np
import torch

from protos import trainer_pb2, trainer_pb2_grpc
from protos.common_pb2 import Artifact, Head
from protos.errors import InvalidInputError
from protos.wire import from_labels
from services.common.artifacts import ArtifactStore
from services.common.devices import Devices
from services.common.encoders.files import encoder_of
from services.trainer.committee import BOOTSTRAP, MEMBERS, CommitteeRequest, score_committee
from services.trainer.export import CKPT, export
from services.trainer.fine_tuning import FineTuneRequest, fine_tune
from services.trainer.head_training import HeadRequest, as_asked, train_head
from services.trainer.heads import HeadShape
from services.trainer.logistic_training import Doubt
from services.trainer.parameters import DEFAULT_C, Parameters
from services.trainer.quality import THRESHOLD, Quality
from services.trainer.scoring import score
from services.trainer.settings import TrainerSettings


class TrainerServicer(trainer_pb2_grpc.TrainerServicer):
    """Answers the calls of ``protos/trainer.proto``."""

    def __init__(self, store: ArtifactStore, settings: TrainerSettings) -> None:
        self.store = store
        self.settings = settings
        self.devices = Devices(settings, on_release=torch.cuda.empty_cache)

    def TrainHead(
        self, request: trainer_pb2.TrainHeadRequest, context: grpc.ServicerContext
    ) -> trainer_pb2.TrainHeadResponse:
        """See the contract."""
        trained = train_head(
            self.store,
            HeadRequest(
                _needed(request.vectors, "vectors"),
                from_labels(request.labels),
                self._parameters(request.parameters),
                _parent(request),
                request.label_position,
                _present(request),
                _doubt(request),
            ),
        )
        return trainer_pb2.TrainHeadResponse(
            run=request.run,
            head=_head(trained.artifact, trained.shape),
            validation=_validation(trained.note.quality),
            best_epoch=trained.note.best_epoch,
            seconds=trained.note.seconds,
            out_of_fold=as_asked(self.store, trained.out_of_fold, request.labels.item),
            held_back=trained.note.held_back,
        )

    def Score(self, request: trainer_pb2.ScoreRequest, context: grpc.ServicerContext) -> trainer_pb2.ScoreResponse:
        """See the contract."""
        head, vectors = _needed(request.head.artifact, "head"), _needed(request.vectors, "vectors")
        scores, seconds = score(self.store, head, vectors, _present(request))
        return trainer_pb2.ScoreResponse(run=request.run, scores=scores, seconds=seconds)

    def ScoreCommittee(
        self, request: trainer_pb2.ScoreCommitteeRequest, context: grpc.ServicerContext
    ) -> trainer_pb2.ScoreCommitteeResponse:
        """See the contract."""
        asked = CommitteeRequest(
            request.kind,
            request.members or MEMBERS,
            request.seed,
            _needed(request.head.artifact, "head"),
            _needed(request.vectors, "vectors"),
            _present(request),
            from_labels(request.labels) if request.kind == BOOTSTRAP else None,
            self._parameters(request.parameters).c if request.kind == BOOTSTRAP else 0.0,
        )
        scores, seconds = score_committee(self.store, asked)
        return trainer_pb2.ScoreCommitteeResponse(run=request.run, scores=scores, seconds=seconds)

    def FineTune(
        self, request: trainer_pb2.FineTuneRequest, context: grpc.ServicerContext
    ) -> trainer_pb2.FineTuneResponse:
        """See the contract."""
        asked = FineTuneRequest(
            _needed(request.encoder.artifact, "encoder"),
            _needed(request.catalog, "catalog"),
            from_labels(request.labels),
            self._parameters(request.parameters),
            _parent(request),
            request.label_position,
            self.settings.data_root,
            request.vectors if request.vectors.path else None,
            _present(request),
        )
        with self.devices.use(request.parameters.device) as device:
            tuned = fine_tune(self.store, asked, device)
        return trainer_pb2.FineTuneResponse(
            run=request.run,
            encoder=encoder_of(tuned.encoder, tuned.spec),
            head=_head(tuned.head, tuned.shape),
            validation=_validation(tuned.note.quality),
            best_epoch=tuned.note.best_epoch,
            seconds=tuned.note.seconds,
            refused=tuned.note.refused,
            verdict=tuned.note.verdict,
        )

    def Pretrain(
        self, request: trainer_pb2.PretrainRequest, context: grpc.ServicerContext
    ) -> trainer_pb2.PretrainResponse:
        """See the contract."""
        from services.trainer.pretraining import servicing, work  # with Lightning, which takes seconds to import

        asked = servicing.asked_of(request, self.settings)
        with self.devices.use_several(request.parameters.device, asked.plan.devices) as devices:
            return servicing.told(request.run, asked, work.pretrain(self.store, asked, devices, context.is_active))

    def DescribePretraining(
        self, request: trainer_pb2.PretrainRequest, context: grpc.ServicerContext
    ) -> trainer_pb2.PretrainResponse:
        """See the contract."""
        from services.trainer.pretraining import servicing, work

        asked = servicing.asked_of(request, self.settings)
        return servicing.told(request.run, asked, work.describe(self.store, asked))

    def Export(self, request: trainer_pb2.ExportRequest, context: grpc.ServicerContext) -> trainer_pb2.ExportResponse:
        """See the contract."""
        encoder, head = _needed(request.encoder.artifact, "encoder"), _needed(request.head.artifact, "head")
        threshold, kind = request.threshold or THRESHOLD, request.format or CKPT
        model = export(self.store, encoder, head, request.positive_name, threshold, kind)
        return trainer_pb2.ExportResponse(run=request.run, model=model)

    def _parameters(self, message: trainer_pb2.TrainingParameters) -> Parameters:
        return Parameters(
            kind=message.kind,
            hidden_dim=message.hidden_dim,
            dropout=message.dropout,
            lr=message.lr,
            momentum=message.momentum,
            weight_decay=message.weight_decay,
            scheduler=message.scheduler,
            final_lr=message.final_lr,
            gamma=message.gamma,
            decay_epochs=tuple(message.decay_epochs),
            epochs=message.epochs,
            batch_size=message.batch_size,
            validation_share=message.validation_share,
            seed=message.seed,
            threads=message.threads or self.settings.compute_threads,
            encoder_lr=message.encoder_lr,
            train_encoder=message.train_encoder,
            c=message.c or DEFAULT_C,
        )


def _needed(artifact: Artifact, name: str) -> Artifact:
    if not artifact.path:
        raise InvalidInputError(f"the request names no {name}; give the artifact that holds the {name}")
    return artifact


def _parent(request: trainer_pb2.TrainHeadRequest | trainer_pb2.FineTuneRequest) -> Artifact | None:
    return request.parent.artifact if request.parent.artifact.path else None


def _doubt(request: trainer_pb2.TrainHeadRequest) -> Doubt | None:
    doubt = Doubt(np.array(request.doubted, dtype=np.uint64), request.believed_from)
    return doubt if len(doubt.items) else None


def _present(
    request: trainer_pb2.TrainHeadRequest
    | trainer_pb2.ScoreRequest
    | trainer_pb2.ScoreCommitteeRequest
    | trainer_pb2.FineTuneRequest,
) -> Artifact | None:
    return request.present if request.present.path else None


def _head(artifact: Artifact, shape: HeadShape) -> Head:
    return Head(artifact=artifact, kind=shape.kind, dim=shape.dim)


def _validation(quality: Quality) -> trainer_pb2.Validation:
    return trainer_pb2.Validation(**asdict(quality))
