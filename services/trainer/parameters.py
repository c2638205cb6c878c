"""The parameters of a training, checked."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from protos.errors import InvalidInputError
from services.trainer.heads import LOGISTIC, HeadShape

MAX_RATE = 3e38  # what torch can multiply float32 weights with
DEFAULT_C = 10.0  # of a logistic head
LOWER_RATES = (1.0, 0.1, 0.01, 0.001)  # of the rate that was asked for, one after the other while training fails


@dataclass(frozen=True)
class Parameters:
    """What the original's ``model_config.yaml`` says about a training; see ``TrainingParameters`` in the contracts.

    A logistic head takes ``c`` alone; what is said of gradient descent counts for it only in fine-tuning, and is checked there.

    Raises:
        InvalidInputError: when a value is out of its range.
    """

    kind: str = "SSLEvaluator"
    hidden_dim: int = 128
    dropout: float = 0.1
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    scheduler: str = "cosine"
    final_lr: float = 0.0
    gamma: float = 0.1
    decay_epochs: tuple[int, ...] = field(default_factory=tuple)
    epochs: int = 50
    batch_size: int = 32
    validation_share: float = 0.2
    seed: int = 0
    threads: int = 1
    encoder_lr: float = 1e-3
    train_encoder: bool = True
    c: float = DEFAULT_C

    def __post_init__(self) -> None:
        self.shape(1)  # kind, hidden_dim, dropout
        _within("number of threads", self.threads, at_least=1, below=4097)
        _within("c", self.c, above=0, below=1e9)
        if self.kind != LOGISTIC:
            self.check_descent()

    def check_descent(self) -> None:
        """Refuses what gradient descent cannot be done with.

        Raises:
            InvalidInputError: when a value is out of its range.
        """
        _within("learning rate", self.lr, above=0, below=MAX_RATE)
        _within("momentum", self.momentum, at_least=0, below=1)
        _within("weight decay", self.weight_decay, at_least=0, below=MAX_RATE)
        _within("final learning rate", self.final_lr, at_least=0, below=MAX_RATE)
        _within("gamma", self.gamma, at_least=0, below=1000)
        _within("number of epochs", self.epochs, at_least=1, below=100_001)
        _within("batch size", self.batch_size, at_least=1)
        _within("validation share", self.validation_share, at_least=0, below=1)
        _within("encoder's learning rate", self.encoder_lr, at_least=0, below=MAX_RATE)
        if self.scheduler not in ("cosine", "step"):
            raise InvalidInputError(f"there is no scheduler {self.scheduler!r}; it takes cosine or step")

    def shape(self, dim: int) -> HeadShape:
        """The layers of a head on embeddings of ``dim`` numbers."""
        linear = self.kind == LOGISTIC
        return HeadShape(self.kind, dim, 0 if linear else self.hidden_dim, 0.0 if linear else self.dropout)

    def as_json(self) -> str:
        """Equal parameters, equal text; part of the name of what they train."""
        return json.dumps(asdict(self), sort_keys=True)

    def lr_at(self, epoch: int, start: float) -> float:
        """The learning rate of an epoch (counted from 0) that started at ``start``.

        ``cosine``: half a cosine from ``start`` down to ``final_lr`` (in proportion for another start than ``lr``), reached
        after the last epoch (Loshchilov and Hutter, SGDR, 2017). ``step``: times ``gamma`` at each of ``decay_epochs``.
        """
        if self.scheduler == "step":
            decays = sum(epoch >= decay for decay in self.decay_epochs)
            return min(start * self.gamma ** min(decays, 99), MAX_RATE)
        low = min(self.final_lr * start / self.lr, MAX_RATE)
        return low + (start - low) * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


def _within(
    name: str, value: float, above: float = -math.inf, at_least: float = -math.inf, below: float = math.inf
) -> None:
    if not (above < value < below and value >= at_least):  # not-a-number fails, too
        low = f"more than {above:g}" if above > -math.inf else f"at least {at_least:g}"
        high = f" and less than {below:g}" if below < math.inf else ""
        raise InvalidInputError(f"a {name} of {value:g} cannot be trained with; it must be {low}{high}")
