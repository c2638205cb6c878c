"""Labelled images to a better encoder and the head that goes with it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.spec import EncoderSpec, OnnxSpec
from services.trainer.chance import seeded
from services.trainer.comparison import Comparison, compare
from services.trainer.head_training import FittedHead, HeadRequest, fit_head, fit_linear, load_parent, train_head
from services.trainer.heads import LOGISTIC, HeadShape, load_head
from services.trainer.joint_fitting import embed, fit_both
from services.trainer.labelled import Labels
from services.trainer.labelled_images import read_labelled
from services.trainer.notes import Note, find_note, keep_note
from services.trainer.parameters import Parameters

log = logging.getLogger(__name__)
VERSION = 4


@dataclass(frozen=True)
class FineTuneRequest:
    """What is fine-tuned, on what; see ``FineTuneRequest`` in the contracts.

    Attributes:
        data_root: where the images are on this machine; None: where the catalog says.
        vectors: of the encoder; with these the new one is kept only where it is better.
        present: which items have a vector; None: all.
    """

    encoder: Artifact
    catalog: Artifact
    labels: Labels
    parameters: Parameters
    parent: Artifact | None
    label_position: int
    data_root: Path | None = None
    vectors: Artifact | None = None
    present: Artifact | None = None

    @property
    def key(self) -> str:
        """The name of what these inputs give."""
        items, positive = self.labels
        parent = self.parent.sha256 if self.parent else ""
        inputs = (self.encoder.sha256, self.catalog.sha256, items.tobytes(), positive.tobytes())
        against = [artifact.sha256 for artifact in (self.vectors, self.present) if artifact]
        return digest_of("fine", VERSION, *inputs, self.parameters.as_json(), parent, self.label_position, *against)

    @property
    def frozen_head(self) -> HeadRequest:
        """The head of the encoder as it is; there have to be ``vectors``."""
        assert self.vectors is not None
        return HeadRequest(
            self.vectors, self.labels, self.parameters, self.parent, self.label_position, present=self.present
        )


@dataclass(frozen=True)
class FineTuned:
    """A published encoder with its head, and how the training went."""

    encoder: Artifact
    spec: EncoderSpec
    head: Artifact
    shape: HeadShape
    note: Note


def fine_tune(store: ArtifactStore, request: FineTuneRequest, device: torch.device) -> FineTuned:
    """Trains encoder and head together, or finds what the same inputs gave before.

    With ``vectors`` the new encoder has to prove itself first, see :func:`services.trainer.comparison.compare`. Where it does
    not, the encoder comes back as it is, with the head that ``TrainHead`` gives for it. Without them it is always kept.

    With ``train_encoder`` false, or an encoder that has no weights to train, the head alone is trained, and the encoder comes
    back as it is.

    Raises:
        InvalidInputError: when nothing can be learnt from the labels, or no learning rate works.
        DamagedError: when an artifact is not what its reference says.
    """
    request.parameters.check_descent()
    with seeded(request.parameters.seed, request.parameters.threads):
        return _found(store, request) or _tune(store, request, device)


def _names(key: str) -> tuple[str, str, str]:
    return f"encoders/{key}.safetensors", f"heads/{key}.safetensors", f"heads/{key}.json"


def _found(store: ArtifactStore, request: FineTuneRequest) -> FineTuned | None:
    encoder_name, head_name, note_name = _names(request.key)
    note = find_note(store, note_name)
    if note is not None and note.refused:
        return _as_it_was(store, request, note)
    encoder, head = store.find(encoder_name), store.find(head_name)
    if head is None or note is None:
        return None
    spec, network = load_encoder(store.open(encoder or request.encoder))
    if encoder is None and not _is_frozen(network, spec, request.parameters):
        return None  # one that was kept frozen is not published again; this one should be there
    return FineTuned(encoder or request.encoder, spec, head, load_head(store.open(head))[1].shape, note)


def _as_it_was(store: ArtifactStore, request: FineTuneRequest, note: Note) -> FineTuned:
    spec, _ = load_encoder(store.open(request.encoder))
    trained = train_head(store, request.frozen_head)
    return FineTuned(request.encoder, spec, trained.artifact, trained.shape, note)


def _tune(store: ArtifactStore, request: FineTuneRequest, device: torch.device) -> FineTuned:
    start = time.monotonic()
    spec, encoder = load_encoder(store.open(request.encoder))
    if request.parameters.train_encoder and isinstance(spec, OnnxSpec):
        raise InvalidInputError(
            "an encoder that came as an ONNX file cannot be fine-tuned, its weights are not to be trained; train the head alone,"
            " or begin with the checkpoint that the file was exported from"
        )
    with Catalog(store.open(request.catalog), request.data_root) as catalog:
        pixels, labels = read_labelled(catalog, request.labels, spec)
    rows = embed(encoder, pixels, labels, device)
    frozen = _is_frozen(encoder, spec, request.parameters)
    comparison = None
    if request.vectors is not None and not frozen:
        comparison = compare(encoder, rows, (pixels, labels), request.parameters, device)
        if not comparison.better:
            trained = train_head(store, request.frozen_head)
            note = replace(trained.note, seconds=time.monotonic() - start, refused=True, verdict=comparison.verdict)
            log.info("the fine-tuned encoder is %s", comparison.verdict)
            keep_note(store, _names(request.key)[2], note)
            return FineTuned(request.encoder, spec, trained.artifact, trained.shape, note)
    tuned, fitted = _fit(store, request, encoder, rows, (pixels, labels), frozen, device)
    if comparison is not None:
        fitted = comparison.judged(fitted, lambda: embed(tuned, pixels, labels, device))
    return _published(store, request, spec, None if frozen else tuned, fitted, start, comparison)


def _fit(
    store: ArtifactStore,
    request: FineTuneRequest,
    encoder: nn.Module,
    rows: NDArray[np.float32],
    data: tuple[NDArray[np.uint8], Labels],
    frozen: bool,
    device: torch.device,
) -> tuple[nn.Module, FittedHead]:
    parameters, linear = request.parameters, request.parameters.kind == LOGISTIC
    parent = None if linear else load_parent(store, request.parent, parameters.shape(rows.shape[1]))
    if not frozen:
        return fit_both(encoder, rows, data, parameters, parent, device)
    if linear:
        return encoder, fit_linear(rows, data[1], parameters)
    return encoder, fit_head(rows, data[1], parameters, parent, rows)


def _published(
    store: ArtifactStore,
    request: FineTuneRequest,
    spec: EncoderSpec,
    encoder: nn.Module | None,
    fitted: FittedHead,
    start: float,
    comparison: Comparison | None,
) -> FineTuned:
    encoder_name, head_name, note_name = _names(request.key)
    artifact = request.encoder
    if encoder is not None:
        network = encoder
        artifact, _ = store.once(encoder_name, lambda path: save_encoder(path, network, spec))
    head = store.put(head_name, fitted.content(request))
    outcome, verdict = fitted.outcome, comparison.verdict if comparison else ""
    note = Note(outcome.quality, outcome.best_epoch, time.monotonic() - start, verdict=verdict)
    keep_note(store, note_name, note)
    log.info("fine-tuned %s in %.1f s; %s", spec.architecture, note.seconds, verdict or "not compared")
    return FineTuned(artifact, spec, head, fitted.head.shape, note)


def _is_frozen(encoder: nn.Module, spec: EncoderSpec, parameters: Parameters) -> bool:
    if not parameters.train_encoder:
        return True
    if not any(True for _ in encoder.parameters()):
        log.warning(
            "an encoder of architecture %s has no weights to train: only the head is trained", spec.architecture
        )
        return True
    return False
