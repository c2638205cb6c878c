"""Labelled images to a better encoder and the head that goes with it."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.spec import EncoderSpec
from services.trainer.balance import balance_of
from services.trainer.chance import SEEDS, seeded
from services.trainer.head_training import FittedHead, fit_head, load_parent, start_head
from services.trainer.heads import Head, HeadShape, load_head
from services.trainer.labelled import Labels
from services.trainer.labelled_images import FlippedBatches, read_labelled
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.notes import Note, find_note, keep_note
from services.trainer.parameters import LOWER_RATES, Parameters
from services.trainer.quality import Outcome, is_alive
from services.trainer.splits import Split, stratified

log = logging.getLogger(__name__)
VERSION = 2


@dataclass(frozen=True)
class FineTuneRequest:
    """What is fine-tuned, on what; see ``FineTuneRequest`` in the contracts.

    Attributes:
        data_root: where the images are on this machine; None: where the catalog says.
    """

    encoder: Artifact
    catalog: Artifact
    labels: Labels
    parameters: Parameters
    parent: Artifact | None
    label_position: int
    data_root: Path | None = None

    @property
    def key(self) -> str:
        """The name of what these inputs give."""
        items, positive = self.labels
        parent = self.parent.sha256 if self.parent else ""
        inputs = (self.encoder.sha256, self.catalog.sha256, items.tobytes(), positive.tobytes())
        return digest_of("fine", VERSION, *inputs, self.parameters.as_json(), parent, self.label_position)


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

    With ``train_encoder`` false, or an encoder that has no weights to train, the head alone is trained, and the encoder comes
    back as it is.

    Raises:
        InvalidInputError: when nothing can be learnt from the labels, or no learning rate works.
        DamagedError: when an artifact is not what its reference says.
    """
    with seeded(request.parameters.seed, request.parameters.threads):
        return _found(store, request) or _tune(store, request, device)


def _names(key: str) -> tuple[str, str, str]:
    return f"encoders/{key}.safetensors", f"heads/{key}.safetensors", f"heads/{key}.json"


def _found(store: ArtifactStore, request: FineTuneRequest) -> FineTuned | None:
    encoder_name, head_name, note_name = _names(request.key)
    encoder, head, note = store.find(encoder_name), store.find(head_name), find_note(store, note_name)
    if head is None or note is None:
        return None
    spec, network = load_encoder(store.open(encoder or request.encoder))
    if encoder is None and not _is_frozen(network, spec, request.parameters):
        return None  # one that was kept frozen is not published again; this one should be there
    return FineTuned(encoder or request.encoder, spec, head, load_head(store.open(head))[1].shape, note)


def _tune(store: ArtifactStore, request: FineTuneRequest, device: torch.device) -> FineTuned:
    start = time.monotonic()
    spec, encoder = load_encoder(store.open(request.encoder))
    shape = request.parameters.shape(spec.dim)
    parent = load_parent(store, request.parent, shape)
    with Catalog(store.open(request.catalog), request.data_root) as catalog:
        pixels, labels = read_labelled(catalog, request.labels, spec)
    frozen = _is_frozen(encoder, spec, request.parameters)
    rows = _embedded(encoder, pixels, labels, device)
    if frozen:
        fitted = fit_head(rows, labels, request.parameters, parent, rows)
    else:
        encoder, fitted = _fit_both(encoder, rows, (pixels, labels), request.parameters, parent, device)
    encoder_name, head_name, note_name = _names(request.key)
    artifact = request.encoder
    if not frozen:
        artifact, _ = store.once(encoder_name, lambda path: save_encoder(path, encoder, spec))
    head = store.put(head_name, fitted.content(request))
    note = Note(fitted.outcome.quality, fitted.outcome.best_epoch, time.monotonic() - start)
    keep_note(store, note_name, note)
    log.info("fine-tuned %s on %d images in %.1f s", spec.architecture, len(pixels), note.seconds)
    return FineTuned(artifact, spec, head, shape, note)


def _is_frozen(encoder: nn.Module, spec: EncoderSpec, parameters: Parameters) -> bool:
    if not parameters.train_encoder:
        return True
    if not any(True for _ in encoder.parameters()):
        log.warning(
            "an encoder of architecture %s has no weights to train: only the head is trained", spec.architecture
        )
        return True
    return False


def _embedded(
    encoder: nn.Module, pixels: NDArray[np.uint8], labels: Labels, device: torch.device
) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = forward_all(encoder.to(device), pixels, device).numpy()
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InvalidInputError(f"the embedding of item {labels[0][~finite][0]} is not finite; use another encoder")
    return rows


def _fit_both(
    encoder: nn.Module,
    rows: NDArray[np.float32],
    data: tuple[NDArray[np.uint8], Labels],
    parameters: Parameters,
    parent: Head | None,
    device: torch.device,
) -> tuple[nn.Module, FittedHead]:
    split = stratified(*data[1], parameters.validation_share, parameters.seed)
    targets = torch.from_numpy(data[1][1].astype(np.float32))
    for number, (start, factor) in enumerate(_attempts(parent)):
        torch.manual_seed((parameters.seed + number) % SEEDS)
        head = start_head(start, parameters.shape(rows.shape[1]), rows, targets[split.training])
        network = EncoderWithHead(copy.deepcopy(encoder), head).to(device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        outcome = _fit_once(network, (data[0], targets), split, parameters, factor, device)
        if outcome.best_epoch and _is_sound(network, rows, data[0], device):
            fitted = FittedHead(head.cpu(), outcome, parameters.lr * factor, start is not None)
            return network.encoder.cpu(), fitted
        log.warning("fine-tuning at %g of the learning rates failed (attempt %d)", factor, number + 1)
    raise InvalidInputError(
        f"fine-tuning diverged at learning rates of {parameters.encoder_lr:g} (encoder) and {parameters.lr:g} (head) and"
        " at a thousandth of them; set lower ones"
    )


def _attempts(parent: Head | None) -> Iterator[tuple[Head | None, float]]:
    if parent is not None:
        yield parent, 1.0
    yield from ((None, factor) for factor in LOWER_RATES)


def _fit_once(
    network: EncoderWithHead,
    data: tuple[NDArray[np.uint8], Tensor],
    split: Split,
    parameters: Parameters,
    factor: float,
    device: torch.device,
) -> Outcome:
    """Batch normalisation keeps its statistics: a few dozen images would only spoil those of the whole pre-training."""
    from services.trainer.fitting import Fitting, Group, fit  # Lightning

    pixels, targets = data
    images = torch.from_numpy(pixels)
    batches = FlippedBatches(images[split.training], targets[split.training], parameters.batch_size, parameters.seed)

    def judge() -> tuple[Tensor, Tensor]:
        return forward_all(network, pixels[split.validation], device), targets[split.validation]

    groups = [
        Group(list(network.encoder.parameters()), parameters.encoder_lr * factor),
        Group(list(network.head.parameters()), parameters.lr * factor),
    ]
    network.encoder.eval()
    network.head.train()
    fitting = Fitting(
        network, groups, parameters, judge if len(split.validation) else None, balance_of(targets[split.training])
    )
    return fit(fitting, batches, parameters.epochs, device)


def _is_sound(
    network: EncoderWithHead, rows: NDArray[np.float32], pixels: NDArray[np.uint8], device: torch.device
) -> bool:
    network.to(device)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
        return False
    logits = forward_all(network, pixels, device)
    alike = len(rows) < 2 or bool((rows == rows[0]).all())
    return bool(torch.isfinite(logits).all()) if alike else is_alive(logits)
