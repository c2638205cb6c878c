"""Encoder and head, trained together on images."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from protos.errors import InvalidInputError
from services.trainer.balance import balance_of
from services.trainer.chance import SEEDS
from services.trainer.head_training import FittedHead, start_head
from services.trainer.heads import LOGISTIC, Head
from services.trainer.labelled import Labels
from services.trainer.labelled_images import FlippedBatches
from services.trainer.logistic_training import fit_logistic
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import LOWER_RATES, Parameters
from services.trainer.quality import Outcome, is_alive
from services.trainer.splits import Split, stratified
from services.trainer.twins import twins

log = logging.getLogger(__name__)


def embed(encoder: nn.Module, pixels: NDArray[np.uint8], labels: Labels, device: torch.device) -> NDArray[np.float32]:
    """Embeddings float32 [n, dim] of images uint8 [n, side, side, 3].

    Raises:
        InvalidInputError: when one is not finite.
    """
    rows: NDArray[np.float32] = forward_all(encoder.to(device), pixels, device).numpy()
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise InvalidInputError(f"the embedding of item {labels[0][~finite][0]} is not finite; use another encoder")
    return rows


def fit_both(
    encoder: nn.Module,
    rows: NDArray[np.float32],
    data: tuple[NDArray[np.uint8], Labels],
    parameters: Parameters,
    parent: Head | None,
    device: torch.device,
) -> tuple[nn.Module, FittedHead]:
    """A copy of ``encoder``, trained together with a head, on the processor; the encoder itself stays as it is.

    A logistic head begins as what it is on the embeddings so far, so that a random one does not distort them first
    (A. Kumar et al., "Fine-tuning can distort pretrained features", 2022).

    Args:
        encoder: to begin with.
        rows: its embeddings of the labelled images, float32 [n, dim].
        data: the images, uint8 [n, side, side, 3], and their labels.
        parameters: of the training.
        parent: the head to carry on from, of the original's kinds; None: a fresh one.
        device: where.

    Raises:
        InvalidInputError: when no learning rate works.
    """
    split = stratified(*data[1], parameters.validation_share, parameters.seed, twins(rows))
    targets = torch.from_numpy(data[1][1].astype(np.float32))
    for number, (start, factor) in enumerate(_attempts(parent)):
        torch.manual_seed((parameters.seed + number) % SEEDS)
        head = _start(start, rows, data[1], parameters, split)
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


def _start(
    parent: Head | None, rows: NDArray[np.float32], labels: Labels, parameters: Parameters, split: Split
) -> Head:
    targets = torch.from_numpy(labels[1].astype(np.float32))[split.training]
    if parameters.kind != LOGISTIC:
        return start_head(parent, parameters.shape(rows.shape[1]), rows, targets)
    learned = (labels[0][split.training], labels[1][split.training])
    head = fit_logistic(rows[split.training], learned, parameters.c).head
    head.slope.fill_(1.0)
    head.offset.fill_(-math.log(balance_of(targets)))  # what the balanced loss assumes
    return head.train()


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
