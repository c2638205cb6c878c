"""Whether fine-tuning helps: the tuned encoder against the one that it was made of, on labels that neither head has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from services.trainer.calibration import platt
from services.trainer.folds import folds_of
from services.trainer.head_training import FittedHead, fit_head
from services.trainer.heads import LOGISTIC, Head
from services.trainer.joint_fitting import embed, fit_both
from services.trainer.labelled import Labels
from services.trainer.logistic_training import cross_calibrated, fit_logistic, head_of
from services.trainer.network import EncoderWithHead, forward_all
from services.trainer.parameters import Parameters
from services.trainer.quality import Quality, measure
from services.trainer.twins import twins

FOLDS = 3  # fine-tuning is slow: these cost twice what the last one does
FEWEST = 6  # labels of a class: two in each fold

Images = tuple[NDArray[np.uint8], Labels]


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison.

    Attributes:
        better: whether the tuned encoder is kept.
        verdict: why, in one sentence.
        logits: of the tuned encoder, out of fold and not calibrated, float64 [n]; empty where it was not tried.
        labels: of the images, [n].
        quality: of the tuned encoder on them.
        c: of its logistic head, or 0.
    """

    better: bool
    verdict: str
    logits: NDArray[np.float64]
    labels: Labels
    quality: Quality
    c: float

    def judged(self, fitted: FittedHead, rows: Callable[[], NDArray[np.float32]]) -> FittedHead:
        """The head of the encoder that was tuned on all labels, with the quality out of fold.

        A logistic head is fitted anew on the new embeddings [n, dim] of ``rows()``, as the next round will do. Its calibration
        comes from the folds: on labels that the encoder has seen any head is too sure.
        """
        outcome = replace(fitted.outcome, quality=self.quality)
        if not self.c:
            return replace(fitted, outcome=outcome)
        raw = fit_logistic(rows(), self.labels, self.c).head
        head = head_of(raw.linear.weight[0], raw.linear.bias, platt(self.logits, self.labels[1]))
        return replace(fitted, head=head, outcome=outcome)


def compare(
    encoder: nn.Module, rows: NDArray[np.float32], data: Images, parameters: Parameters, device: torch.device
) -> Comparison:
    """Cross-validates both: three folds, stratified, twins together, the same for both.

    For each fold the encoder is fine-tuned on the labels of the other two, and a head is fitted to its embeddings of these
    (a logistic one; of the original's kinds the head that was trained with it). The frozen encoder gets a head of the same kind
    from the same labels. Both judge the fold that they have not seen. Over all folds the tuned encoder must have a higher
    average precision and no higher log loss (each calibrated by the other folds), or a lower log loss and no lower average
    precision. That is no proof at a few dozen labels, but it was seen on every label and not on a lucky split; where the two
    measures disagree, the encoder that is there stays: its vectors need not be computed again.

    With fewer than six labels of a class nothing is tried, and the encoder stays as well.

    Args:
        encoder: as it is.
        rows: its embeddings of the labelled images, float32 [n, dim].
        data: the images, uint8 [n, side, side, 3], and their labels.
        parameters: of the training.
        device: where the networks are.

    Raises:
        InvalidInputError: when no learning rate works.
    """
    items, positive = data[1]
    scarce = min(int(positive.sum()), int((~positive).sum()))
    c = parameters.c if parameters.kind == LOGISTIC else 0.0
    if scarce < FEWEST:
        few = f"refused: with {scarce} labels of a class nothing can be compared; label at least {FEWEST} of each"
        return Comparison(False, few, np.empty(0), data[1], Quality(), c)
    folds = folds_of(items, positive, FOLDS, twins(rows))
    if not len(folds):
        alike = "refused: the labels of a class are nearly all of one image, so nothing can be compared; label others as well"
        return Comparison(False, alike, np.empty(0), data[1], Quality(), c)
    tuned, frozen = np.empty(len(items)), np.empty(len(items))
    for fold in np.unique(folds).tolist():
        out = folds == fold
        tuned[out] = _tuned_logits(encoder, rows, data, out, parameters, device)
        frozen[out] = _frozen_logits(rows, data[1], out, parameters)
    return _decided(tuned, frozen, data[1], folds, c)


def _decided(
    tuned: NDArray[np.float64], frozen: NDArray[np.float64], labels: Labels, folds: NDArray[np.int64], c: float
) -> Comparison:
    targets = torch.from_numpy(labels[1].astype(np.float32))
    new, old = (measure(torch.from_numpy(cross_calibrated(arm, labels[1], folds)), targets) for arm in (tuned, frozen))
    high, low = average_precision(tuned, labels[1]), average_precision(frozen, labels[1])
    better = high >= low and new.loss <= old.loss and (high > low or new.loss < old.loss)
    verdict = (
        f"{'kept' if better else 'refused'}: out-of-fold average precision {high:.3f} against {low:.3f} of the frozen encoder,"
        f" log loss {new.loss:.3f} against {old.loss:.3f}, on {len(tuned)} labels"
    )
    return Comparison(better, verdict, tuned, labels, new, c)


def _part(labels: Labels, rows: NDArray[np.bool_]) -> Labels:
    return labels[0][rows], labels[1][rows]


def _tuned_logits(
    encoder: nn.Module,
    rows: NDArray[np.float32],
    data: Images,
    out: NDArray[np.bool_],
    parameters: Parameters,
    device: torch.device,
) -> NDArray[np.float64]:
    pixels, labels = data
    learned = _part(labels, ~out)
    network, fitted = fit_both(encoder, rows[~out], (pixels[~out], learned), parameters, None, device)
    if parameters.kind != LOGISTIC:
        whole = EncoderWithHead(network, fitted.head).to(device).eval()
        return forward_all(whole, pixels[out], device).numpy().astype(np.float64)
    new = embed(network, pixels, labels, device)
    return _raw(fit_logistic(new[~out], learned, parameters.c).head, new[out])


def _frozen_logits(
    rows: NDArray[np.float32], labels: Labels, out: NDArray[np.bool_], parameters: Parameters
) -> NDArray[np.float64]:
    learned = _part(labels, ~out)
    if parameters.kind == LOGISTIC:
        return _raw(fit_logistic(rows[~out], learned, parameters.c).head, rows[out])
    head = fit_head(rows[~out], learned, parameters, None, rows).head
    with torch.no_grad():
        logits: NDArray[np.float32] = head(torch.from_numpy(rows[out])).numpy()
    return logits.astype(np.float64)


def _raw(head: Head, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    with torch.no_grad():
        return head.raw(torch.from_numpy(rows)).numpy().astype(np.float64)


def average_precision(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The mean, over the positives [n] bool, of the precision among all that score [n] at least as much; ties count against."""
    hits = [positive[scores >= score].mean() for score in scores[positive]]
    return float(np.mean(hits)) if hits else float("nan")
