"""Labels and embeddings to a head."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore, digest_of
from services.trainer.arrays import put_array
from services.trainer.balance import balance_of, start_at_prior
from services.trainer.chance import SEEDS, seeded
from services.trainer.embeddings import map_embeddings
from services.trainer.heads import LOGISTIC, Head, HeadRecord, HeadShape, head_bytes, load_head
from services.trainer.labelled import Labels, ShuffledBatches, embedded, gather
from services.trainer.logistic_training import Doubt, fit_logistic
from services.trainer.notes import Note, find_note, keep_note
from services.trainer.parameters import LOWER_RATES, Parameters
from services.trainer.quality import Outcome, is_alive
from services.trainer.scaling import sample_rows, scaling_for
from services.trainer.splits import stratified
from services.trainer.twins import twins

log = logging.getLogger(__name__)
VERSION = 4  # of the algorithm; part of every name
# A head gains nothing from a second thread, and on busy cores two that wait for each other took 36 s for what one did in 1.
THREADS = 1


@dataclass(frozen=True)
class HeadRequest:
    """What a head is trained from; see ``TrainHeadRequest`` in the contracts."""

    vectors: Artifact
    labels: Labels
    parameters: Parameters
    parent: Artifact | None
    label_position: int
    present: Artifact | None = None
    doubt: Doubt | None = None

    @property
    def name(self) -> str:
        """Where the head of these inputs lies, without the ending."""
        items, positive = self.labels
        parent = self.parent.sha256 if self.parent else ""
        present = self.present.sha256 if self.present else ""
        inputs: tuple[str | bytes | float, ...] = (
            self.vectors.sha256,
            present,
            items.tobytes(),
            positive.tobytes(),
            self.parameters.as_json(),
            parent,
        )
        if self.doubt is not None and self.parameters.kind == LOGISTIC:
            inputs += ("doubt", np.sort(self.doubt.items).tobytes(), self.doubt.believed_from)
        return f"heads/{digest_of('head', VERSION, *inputs, self.label_position)}"


@dataclass(frozen=True)
class TrainedHead:
    """A published head and how its training went.

    Attributes:
        out_of_fold: ``.npy``, float32 [labels]: what heads that have not seen a label give it; not-a-number where its item has no
            embedding; None for the original's kinds, and where a class has fewer than two labels.
    """

    artifact: Artifact
    shape: HeadShape
    note: Note
    out_of_fold: Artifact | None = None


class Recorded(Protocol):
    """What every request has that a head's file records."""

    @property
    def parameters(self) -> Parameters: ...
    @property
    def parent(self) -> Artifact | None: ...
    @property
    def label_position(self) -> int: ...


@dataclass(frozen=True)
class FittedHead:
    """A head with the epoch that it is of, the learning rate that worked, and whether it carries on from its parent.

    A logistic head has no learning rate. It may have ``out_of_fold`` probabilities, float32 [n].
    """

    head: Head
    outcome: Outcome
    lr: float
    carried_on: bool
    out_of_fold: NDArray[np.float32] | None = None
    held_back: int = 0

    def content(self, request: Recorded) -> bytes:
        """Of the head's file."""
        parent = request.parent.sha256 if request.parent and self.carried_on else ""
        seed, best = request.parameters.seed, self.outcome.best_epoch
        c = request.parameters.c if self.head.shape.kind == LOGISTIC else None
        return head_bytes(
            self.head, HeadRecord(self.head.shape, parent, seed, request.label_position, self.lr, best, c)
        )


def train_head(store: ArtifactStore, request: HeadRequest) -> TrainedHead:
    """Trains a head, or finds the one that was trained from the same inputs before.

    Raises:
        InvalidInputError: when nothing can be learnt from the labels, vectors and mask do not go together, or no learning
            rate works.
        DamagedError: when vectors, mask or parent are not what their references say.
    """
    with seeded(request.parameters.seed, THREADS):
        found, note = store.find(f"{request.name}.safetensors"), find_note(store, f"{request.name}.json")
        if found and note:
            held_out = store.find(f"{request.name}.npy") if note.out_of_fold else None
            if held_out or not note.out_of_fold:
                return TrainedHead(found, load_head(store.open(found))[1].shape, note, held_out)
        return _train(store, request)


def _train(store: ArtifactStore, request: HeadRequest) -> TrainedHead:
    start = time.monotonic()
    vectors, present = map_embeddings(store, request.vectors, request.present)
    rows, labels = gather(vectors, present, request.labels)
    shape = request.parameters.shape(vectors.shape[1])
    if shape.kind == LOGISTIC:
        fitted = fit_linear(rows, labels, request.parameters, request.doubt)
    else:
        parent = load_parent(store, request.parent, shape)
        fitted = fit_head(rows, labels, request.parameters, parent, sample_rows(vectors, present))
    artifact = store.put(f"{request.name}.safetensors", fitted.content(request))
    held_out = _publish_held_out(store, request, fitted, embedded(present, request.labels))
    seconds = time.monotonic() - start
    note = Note(
        fitted.outcome.quality, fitted.outcome.best_epoch, seconds, held_out is not None, held_back=fitted.held_back
    )
    keep_note(store, f"{request.name}.json", note)
    positives = int(labels[1].sum())
    log.info("trained a head on %d labels, %d positive, in %.2f s", len(rows), positives, note.seconds)
    return TrainedHead(artifact, shape, note, held_out)


def _publish_held_out(
    store: ArtifactStore, request: HeadRequest, fitted: FittedHead, there: NDArray[np.bool_]
) -> Artifact | None:
    if fitted.out_of_fold is None:
        return None
    values = np.full(len(there), np.nan, dtype=np.float32)
    values[there] = fitted.out_of_fold
    return put_array(store, f"{request.name}.npy", values)


def as_asked(store: ArtifactStore, held_out: Artifact | None, items: Sequence[int]) -> Artifact | None:
    """Out-of-fold probabilities, which are those of the labels sorted by item, in the order of ``items`` [n] instead."""
    order = np.argsort(np.array(items, dtype=np.uint64), kind="stable")
    if held_out is None or np.array_equal(order, np.arange(len(order))):
        return held_out
    values = np.empty(len(order), dtype=np.float32)
    values[order] = map_array(store.open(held_out), np.float32, 1)
    return put_array(store, f"heads/{digest_of('asked', held_out.sha256, order.tobytes())}.npy", values)


def fit_linear(
    rows: NDArray[np.float32], labels: Labels, parameters: Parameters, doubt: Doubt | None = None
) -> FittedHead:
    """Fits a logistic head to embeddings [n, dim]; its only minimum does not depend on where the search begins."""
    fitted = fit_logistic(rows, labels, parameters.c, doubt)
    return FittedHead(fitted.head, fitted.outcome, 0.0, True, fitted.out_of_fold, fitted.held_back)


def load_parent(store: ArtifactStore, parent: Artifact | None, shape: HeadShape) -> Head | None:
    """The head to carry on from; None (and a line in the log) where it does not fit ``shape``."""
    if parent is None:
        return None
    head, record = load_head(store.open(parent))
    if not shape.fits(record.shape):
        log.info("the last head (%s) does not fit %s: starting afresh", record.shape, shape)
        return None
    return head


def fit_head(
    rows: NDArray[np.float32],
    labels: Labels,
    parameters: Parameters,
    parent: Head | None,
    sample: NDArray[np.float32],
) -> FittedHead:
    """Fits a head to embeddings [n, dim].

    A head that diverges, or that gives the same output whatever its input (its units are dead), is thrown away: first for a
    fresh start, then at lower rates.

    Raises:
        InvalidInputError: when no rate works.
    """
    split = stratified(*labels, parameters.validation_share, parameters.seed, twins(rows))
    inputs, targets = torch.from_numpy(rows), torch.from_numpy(labels[1].astype(np.float32))
    probe = torch.from_numpy(np.ascontiguousarray(sample))
    for number, (start, lr) in enumerate(_attempts(parent, parameters.lr)):
        torch.manual_seed((parameters.seed + number) % SEEDS)
        head = start_head(start, parameters.shape(rows.shape[1]), sample, targets[split.training])
        outcome = _fit_once(head, (inputs, targets), (split.training, split.validation), parameters, lr)
        if outcome.best_epoch and _is_sound(head, probe):
            return FittedHead(head, outcome, lr, start is not None)
        log.warning("training a head at a rate of %g failed (attempt %d)", lr, number + 1)
    raise InvalidInputError(
        f"no head could be trained at a learning rate of {parameters.lr:g} or a thousandth of it; set a lower one"
    )


def _attempts(parent: Head | None, lr: float) -> Iterator[tuple[Head | None, float]]:
    if parent is not None:
        yield parent, lr
    yield from ((None, lr * factor) for factor in LOWER_RATES)


def start_head(parent: Head | None, shape: HeadShape, sample: NDArray[np.float32], targets: Tensor) -> Head:
    """A head in training mode, the same for training on embeddings and for fine-tuning.

    A copy of ``parent``, or a fresh one: scaled for embeddings like ``sample`` float32 [n, dim], and beginning with the share
    of positives among the ``targets`` that it will be trained on, float32 [m], which the balanced loss assumes.
    """
    head = Head(shape)
    if parent is None:
        scaling_for(sample).apply_to(head)
        start_at_prior(head, balance_of(targets))
    else:
        head.load_state_dict(parent.state_dict())
    return head.train()


def _fit_once(
    head: Head,
    data: tuple[Tensor, Tensor],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    parameters: Parameters,
    lr: float,
) -> Outcome:
    from services.trainer.fitting import Fitting, Group, fit  # Lightning

    inputs, targets = data
    training, validation = (torch.from_numpy(rows) for rows in split)
    batches = ShuffledBatches(inputs[training], targets[training], parameters.batch_size, parameters.seed)

    def judge() -> tuple[Tensor, Tensor]:
        return head(inputs[validation]), targets[validation]

    fitting = Fitting(
        head,
        [Group(list(head.parameters()), lr)],
        parameters,
        judge if len(validation) else None,
        balance_of(targets[training]),
    )
    return fit(fitting, batches, parameters.epochs)


def _is_sound(head: Head, probe: Tensor) -> bool:
    if not all(bool(torch.isfinite(tensor).all()) for tensor in head.state_dict().values()):
        return False
    if len(probe) < 2 or bool((probe == probe[0]).all()):
        return True
    with torch.no_grad():
        return is_alive(head(probe))
