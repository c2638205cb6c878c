"""The table of a run's rounds, with exactly the original's columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.outputs.files import replacing

COLUMNS = (
    "class",
    "step",
    "model_type",
    "train_ratio",
    "pos_train_img",
    "neg_train_imgs",
    "train_time",
    "labeled_pos",
    "labeled_neg",
    "f1_score",
    "precision",
    "accuracy",
    "recall",
    "pos_class_confidence_0.8",
    "pos_class_confidence_0.5",
    "pos_class_confidence_median",
    "neg_class_confidence_0.8",
    "neg_class_confidence_0.5",
    "neg_class_confidence_median",
    "total_labeling_effort",
    "actual_pos_imgs_0.8",
    "actual_pos_imgs_0.5",
)
_COUNTS = frozenset(COLUMNS) - {
    "class",
    "model_type",
    "train_ratio",
    "f1_score",
    "precision",
    "accuracy",
    "recall",
    "pos_class_confidence_median",
    "neg_class_confidence_median",
}
Cell = str | int | float | None


@dataclass(frozen=True)
class Confidence:
    """How sure a head is about the images of one true class in the pool.

    Attributes:
        at_08: images with a probability of 0.8 or more.
        at_05: images with a probability of 0.5 or more.
        median: of the probabilities of all of them; not-a-number where there is none.
    """

    at_08: int
    at_05: int
    median: float


@dataclass(frozen=True)
class RoundFacts:
    """What a round is judged by.

    Attributes:
        pos_class: the text that names of positive images contain; may be empty.
        step: number of the round.
        model_type: "l" when the head was trained, "f" when encoder and head were fine-tuned.
        pos_train, neg_train: labelled images that there were to train on in this round.
        train_seconds: what the training took.
        labeled_pos, labeled_neg: this round's own labels, given after the training.
        f1, precision, accuracy, recall: on the validation split; not-a-number where not defined.
        positives, negatives: the pool before this round's labels, by true class; None where that is unknown.
    """

    pos_class: str
    step: int
    model_type: Literal["l", "f"]
    pos_train: int
    neg_train: int
    train_seconds: float
    labeled_pos: int
    labeled_neg: int
    f1: float
    precision: float
    accuracy: float
    recall: float
    positives: Confidence | None = None
    negatives: Confidence | None = None


def confidence(
    scores: NDArray[np.float32], pool: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[Confidence, Confidence]:
    """How sure the head is about the truly positive and the truly negative images of the pool.

    Args:
        scores: probability of the positive class [rows], not-a-number where there is none.
        pool: which images were in the pool [rows], before this round's labels.
        truth: which images are truly positive [rows].
    """
    known = pool & ~np.isnan(scores)
    return _confidence(scores[known & truth]), _confidence(scores[known & ~truth])


def _confidence(scores: NDArray[np.float32]) -> Confidence:
    median = float(np.median(scores)) if len(scores) else math.nan
    return Confidence(int((scores >= 0.8).sum()), int((scores >= 0.5).sum()), median)


def metrics_row(facts: RoundFacts) -> dict[str, Cell]:
    """One row of the table; None where the truth is not known."""
    positive, negative = facts.positives, facts.negatives
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row |= {
        "class": facts.pos_class or None,
        "step": facts.step,
        "model_type": facts.model_type,
        "train_ratio": facts.neg_train / facts.pos_train if facts.pos_train else None,
        "pos_train_img": facts.pos_train,
        "neg_train_imgs": facts.neg_train,
        "train_time": int(facts.train_seconds // 60),
        "labeled_pos": facts.labeled_pos,
        "labeled_neg": facts.labeled_neg,
        "f1_score": facts.f1,
        "precision": facts.precision,
        "accuracy": facts.accuracy,
        "recall": facts.recall,
    }
    if positive is not None and negative is not None:
        found = facts.pos_train + facts.labeled_pos
        row |= {
            "pos_class_confidence_0.8": positive.at_08,
            "pos_class_confidence_0.5": positive.at_05,
            "pos_class_confidence_median": positive.median,
            "neg_class_confidence_0.8": negative.at_08,
            "neg_class_confidence_0.5": negative.at_05,
            "neg_class_confidence_median": negative.median,
            "total_labeling_effort": facts.pos_train + facts.neg_train + positive.at_08 + negative.at_08,
            "actual_pos_imgs_0.8": found + positive.at_08,
            "actual_pos_imgs_0.5": found + positive.at_05,
        }
    return row


def write_metrics(path: Path, rows: Sequence[RoundFacts]) -> None:
    """Writes the table of all rounds, in their order; whole or not at all.

    Raises:
        InvalidInputError: when it cannot be written there.
        ExhaustedError: when the disk is full.
    """
    import pandas as pd  # takes half a second to import

    table = pd.DataFrame([metrics_row(facts) for facts in rows], columns=list(COLUMNS))
    table = table.astype({name: "Int64" for name in COLUMNS if name in _COUNTS})
    with replacing(path) as scratch:
        table.to_csv(scratch, index=False)
