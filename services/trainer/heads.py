"""Heads: small classifiers on embeddings with one logit, and the files that hold them.

A head file is safetensors: the tensors of :class:`Head`, and one metadata entry ``head`` with JSON (sorted keys, so that
equal heads have equal bytes).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from protos.errors import DamagedError, InvalidInputError

EVALUATOR = "SSLEvaluator"
ONE_LAYER = "SSLEvaluatorOneLayer"
LOGISTIC = "logistic"
KINDS = (LOGISTIC, EVALUATOR, ONE_LAYER)
MAX_WEIGHTS = 2**26  # 256 MiB; training takes four times that
SURE = 8.0  # a logit from which on certainty grows only with its logarithm


@dataclass(frozen=True)
class HeadShape:
    """What decides a head's layers.

    Attributes:
        kind: "logistic" (one linear layer on embeddings of unit length, whatever hidden_dim and dropout), "SSLEvaluator" (three
            hidden layers of h, h/2 and h/4) or "SSLEvaluatorOneLayer" (one of h).
        dim: length of the embeddings.
        hidden_dim: h; 0 leaves dropout and one linear layer, whatever the kind.
        dropout: probability, before the first layer and, with three hidden layers, after each.
    """

    kind: str
    dim: int
    hidden_dim: int
    dropout: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"there is no head of kind {self.kind!r}; it takes {', '.join(KINDS)}")
        if self.dim < 1 or self.hidden_dim < 0:
            raise InvalidInputError(f"a head on {self.dim} numbers with {self.hidden_dim} hidden units cannot be built")
        if not 0 <= self.dropout < 1:
            raise InvalidInputError(f"a dropout of {self.dropout:g} is no probability below 1")
        weights = sum(before * after for before, after in pairwise(self.widths))
        if weights > MAX_WEIGHTS:
            raise InvalidInputError(
                f"a head with a hidden_dim of {self.hidden_dim} has more than {MAX_WEIGHTS} weights, the most that can be"
                " trained; set a smaller one"
            )

    @property
    def widths(self) -> list[int]:
        """Numbers between the layers, from the embedding to the logit."""
        if self.hidden_dim == 0 or self.kind == LOGISTIC:
            return [self.dim, 1]
        parts = (1,) if self.kind == ONE_LAYER else (1, 2, 4)
        return [self.dim, *(max(1, self.hidden_dim // part) for part in parts), 1]

    def fits(self, other: HeadShape) -> bool:
        """Whether the weights of a head of shape ``other`` can be carried on from (dropout has none)."""
        return replace(other, dropout=self.dropout) == self


class Head(nn.Module):
    """Embeddings float32 [n, dim] to logits float32 [n]; the probability is their sigmoid.

    **The original's kinds.** The embeddings pass ``(x - shift) * scale`` first, which is exactly the identity (0 and 1) for
    embeddings of an ordinary scale; ``services/trainer/scaling.py`` says when it is not.

    **logistic.** ``w . x / |x| + b``, of which zeros give b. The norms of embeddings must be within 1e-18 and 1e18, or float32
    does not hold their squares. Then ``slope * logit + offset`` makes a probability of it (``calibration.py``), and what lies
    beyond +-8 is bent to ``8 + log(1 + excess)``: float32 has no probabilities left above a logit of 17, and images that
    are all but certain keep their order instead of a common 1.
    """

    shift: Tensor
    scale: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("shift", torch.zeros(shape.dim))
        self.register_buffer("scale", torch.ones(()))
        if shape.kind == LOGISTIC:
            self.register_buffer("slope", torch.ones(()))
            self.register_buffer("offset", torch.zeros(()))
        self.layers = nn.Sequential(*_layers(shape))

    @property
    def linear(self) -> nn.Linear:
        """The last layer; of a logistic head the only one."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        return last

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits [n] of embeddings [n, dim]."""
        if self.shape.kind == LOGISTIC:
            return self.calibrated(self.raw(embeddings))
        logits: Tensor = self.layers((embeddings - self.shift) * self.scale)
        return logits.squeeze(1)

    def raw(self, embeddings: Tensor) -> Tensor:
        """Logits [n] of a logistic head before their calibration."""
        return unit_product(embeddings, self.linear.weight).squeeze(1) + self.linear.bias

    def calibrated(self, logits: Tensor) -> Tensor:
        """What a logistic head makes of its raw logits, of any shape."""
        return bent(self.slope * logits + self.offset)


def unit_product(embeddings: Tensor, weights: Tensor) -> Tensor:
    """x/|x| . w of embeddings [n, dim] and weights [m, dim], [n, m]; 0 where x is zero.

    The product comes first and the norm afterwards, so that no embedding is copied.
    """
    norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True).clamp_min(1e-30)
    product: Tensor = functional.linear(embeddings, weights) / norms
    return product


def bent(logits: Tensor) -> Tensor:
    """Logits of any shape, strictly monotone: themselves within +-8, and logarithmic beyond."""
    over, under = (logits - SURE).clamp_min(0), (-logits - SURE).clamp_min(0)
    return logits.clamp(-SURE, SURE) + over.log1p() - under.log1p()


def _layers(shape: HeadShape) -> list[nn.Module]:
    if shape.kind == LOGISTIC:
        return [nn.Linear(shape.dim, 1)]
    layers: list[nn.Module] = [nn.Dropout(shape.dropout)]
    for before, after in pairwise(shape.widths[:-1]):
        layers += [nn.Linear(before, after), nn.ReLU()]
        if shape.kind == EVALUATOR:
            layers.append(nn.Dropout(shape.dropout))
    return [*layers, nn.Linear(shape.widths[-2], 1)]


@dataclass(frozen=True)
class HeadRecord:
    """What a head file says about its head: with vectors and labels, enough to train it again.

    Attributes:
        shape: its layers.
        parent: SHA-256 of the head that it was carried on from; "" for a fresh start. A logistic head is the same whatever its
            parent, and names the head before it all the same.
        seed: of the split, the initial weights, the order of the labels and the dropout.
        label_position: of the label log that it was trained at.
        lr: learning rate that it was trained with; lower than asked where that one failed.
        best_epoch: the epoch whose weights these are, counted from 1; of a logistic head the Newton steps.
        c: inverse strength of the penalty of a logistic head; None for other kinds.
    """

    shape: HeadShape
    parent: str
    seed: int
    label_position: int
    lr: float
    best_epoch: int
    c: float | None = None


def head_bytes(head: Head, record: HeadRecord) -> bytes:
    """The content of a head file; equal heads with equal records give equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()}
    entries = {name: value for name, value in asdict(record).items() if value is not None}
    return save(tensors, metadata={"head": json.dumps(entries, sort_keys=True)})


def load_head(path: Path) -> tuple[Head, HeadRecord]:
    """Reads a head file; the head is on the processor, in evaluation mode.

    Raises:
        DamagedError: when the file is no head.
    """
    try:
        with safe_open(path, framework="pt") as file:
            entries = json.loads((file.metadata() or {})["head"])
            record = HeadRecord(**{**entries, "shape": HeadShape(**entries["shape"])})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        head = Head(record.shape)
        head.load_state_dict(tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError, InvalidInputError) as error:
        raise DamagedError(f"{path} is no head: {str(error).splitlines()[0]}; train it again") from error
    return head.eval(), record
