"""Committees: several opinions on every item, whose disagreement says where one head cannot be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.trainer.chance import seeded
from services.trainer.heads import LOGISTIC, Head, load_head, unit_product
from services.trainer.labelled import Labels, gather
from services.trainer.logistic import balanced, solve
from services.trainer.logistic_training import likeness, unit_rows
from services.trainer.scoring import CHUNK_ROWS, chunks, fitting_embeddings

BOOTSTRAP, DROPOUT = "bootstrap", "dropout"
MEMBERS = 10
MOST_MEMBERS = 100
DROPPED = 0.75  # of the numbers of an embedding, as in DropQuery
VERSION = 1


@dataclass(frozen=True)
class CommitteeRequest:
    """Who gives an opinion on what; see ``ScoreCommitteeRequest`` in the contracts.

    Attributes:
        labels: of a "bootstrap".
        c: of its logistic heads.

    Raises:
        InvalidInputError: when there is no such committee.
    """

    kind: str
    members: int
    seed: int
    head: Artifact
    vectors: Artifact
    present: Artifact | None
    labels: Labels | None = None
    c: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in (BOOTSTRAP, DROPOUT):
            raise InvalidInputError(f"there is no committee of kind {self.kind!r}; it takes {BOOTSTRAP} or {DROPOUT}")
        if not 1 <= self.members <= MOST_MEMBERS:
            raise InvalidInputError(
                f"a committee of {self.members} members cannot be had; it takes 1 to {MOST_MEMBERS}"
            )

    @property
    def name(self) -> str:
        """Where the scores of these inputs lie."""
        present = self.present.sha256 if self.present else ""
        items, positive = self.labels or (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.bool_))
        inputs = (self.head.sha256, self.vectors.sha256, present, items.tobytes(), positive.tobytes(), self.c)
        return f"scores/{digest_of('committee', VERSION, self.kind, self.members, self.seed, *inputs)}.npy"


def score_committee(store: ArtifactStore, request: CommitteeRequest) -> tuple[Artifact, float]:
    """Publishes the probabilities of each member, float32 [members, rows], not-a-number where an item has no embedding.

    **bootstrap**: logistic heads on labels of random weight, the Bayesian bootstrap (D. Rubin, 1981) within each class: with few
    positives an ordinary resample often holds the same two of them only. They are calibrated as ``head`` is.

    **dropout**: ``head`` sees a random quarter of the numbers of the embeddings (of unit length for a logistic head), times four,
    and each member another quarter (S. Gupte et al., DropQuery, arXiv 2401.14555; there each item has masks of its own,
    here a member judges all items by the same numbers).

    Returns:
        the scores, and the seconds that it took.

    Raises:
        InvalidInputError: when head, vectors, mask and labels do not go together, or a bootstrap is asked of other heads.
        DamagedError: when one of them is not what its reference says.
    """
    start = time.monotonic()

    def write(path: Path) -> None:
        with seeded(request.seed, 1):
            values = _opinions(store, request)
        with path.open("wb") as file:
            np.save(file, values)

    artifact, _ = store.once(request.name, write)
    return artifact, time.monotonic() - start


def _opinions(store: ArtifactStore, request: CommitteeRequest) -> NDArray[np.float32]:
    head, _ = load_head(store.open(request.head))
    vectors, present = fitting_embeddings(store, head, request.vectors, request.present)
    if request.kind == BOOTSTRAP:
        if head.shape.kind != LOGISTIC or request.labels is None:
            raise InvalidInputError(
                f"a bootstrap committee is one of logistic heads, this one is {head.shape.kind}; set head.kind to logistic, or"
                " ask for dropout"
            )
        judge = _linear(head, *_bootstrap(*gather(vectors, present, request.labels), request))
    else:
        judge = _dropped(head, _masks(request, head.shape.dim))
    scores = np.empty((request.members, len(vectors)), dtype=np.float32)
    with torch.inference_mode():
        for first, chunk in chunks(vectors, CHUNK_ROWS):
            scores[:, first : first + CHUNK_ROWS] = judge(chunk).sigmoid().numpy().T
    scores[:, ~np.asarray(present)] = np.nan
    return scores


def _bootstrap(rows: NDArray[np.float32], labels: Labels, request: CommitteeRequest) -> tuple[Tensor, Tensor]:
    """Weights [members, dim] and biases [members] of heads on resampled labels."""
    unit, targets = unit_rows(rows, labels), torch.from_numpy(labels[1].astype(np.float32))
    drawn = torch.from_numpy(bayesian_weights(labels[1], request.members, request.seed))
    if labels[1].all() or not labels[1].any():
        return likeness(unit, drawn, bool(labels[1][0]), request.c)
    solution = solve(unit, targets, drawn * balanced(targets), request.c)
    return solution.weight, solution.bias


def bayesian_weights(positive: NDArray[np.bool_], members: int, seed: int) -> NDArray[np.float32]:
    """Weights float32 [members, n] of labels bool [n]: exponential draws whose mean is 1 within each class and member."""
    weights = np.random.default_rng(seed).exponential(size=(members, len(positive)))
    for side in (positive, ~positive):
        if side.any():
            weights[:, side] /= weights[:, side].mean(axis=1, keepdims=True)
    return weights.astype(np.float32)


def _masks(request: CommitteeRequest, dim: int) -> Tensor:
    """0, or what makes up for the zeros, float32 [members, dim]; each member sees the same amount, one number at least."""
    kept = max(1, round(dim * (1 - DROPPED)))
    chance = np.random.default_rng(request.seed)
    masks = np.zeros((request.members, dim), dtype=np.float32)
    for mask in masks:
        mask[chance.choice(dim, kept, replace=False)] = dim / kept
    return torch.from_numpy(masks)


def _linear(head: Head, weights: Tensor, biases: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda chunk: head.calibrated(unit_product(chunk, weights) + biases)


def _dropped(head: Head, masks: Tensor) -> Callable[[Tensor], Tensor]:
    if head.shape.kind == LOGISTIC:
        return _linear(head, head.linear.weight * masks, head.linear.bias)

    def judge(chunk: Tensor) -> Tensor:
        inputs = (chunk - head.shift) * head.scale
        return torch.cat([head.layers(inputs * mask) for mask in masks], dim=1)

    return judge
