"""What is noted after each epoch; it is part of the checkpoint, so that a resumed training has the diary that a calm one has."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from protos.errors import UnavailableError
from services.trainer.pretraining.plan import Plan


@dataclass(frozen=True)
class Epoch:
    """One line of the diary; epochs are counted from 1."""

    epoch: int
    loss: float
    neighbours: float
    lr: float
    seconds: float


def is_over(epochs: Sequence[Epoch], plan: Plan) -> bool:
    """Whether all epochs are behind, or ``patience`` ones without a better monitor."""
    if len(epochs) >= plan.epochs:
        return True
    if not plan.patience or not epochs:
        return False
    best = max(epochs, key=lambda epoch: (epoch.neighbours, -epoch.epoch))  # of equal ones the first
    return epochs[-1].epoch - best.epoch >= plan.patience


def as_csv(epochs: Sequence[Epoch]) -> bytes:
    """One line an epoch, with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "loss", "neighbours", "lr", "seconds"])
    writer.writerows(
        [e.epoch, f"{e.loss:.6f}", f"{e.neighbours:.4f}", f"{e.lr:.3g}", f"{e.seconds:.2f}"] for e in epochs
    )
    return text.getvalue().encode()


def read_diary(folder: Path) -> list[Epoch]:
    """The epochs so far, for whoever looks on while the training is at work."""
    note = folder / "diary.json"
    return [Epoch(**entry) for entry in json.loads(note.read_text())] if note.exists() else []


class Diary(Checkpoint):
    """Notes each epoch, and ends the training when it is over or the time of the call is.

    It is a ``Checkpoint`` because Lightning calls these after the learner has taken its monitor, in their order.

    Args:
        plan: of the training.
        folder: where `read_diary` reads.
        out_of_time: asked after each epoch.
        wanted: whether anybody waits for the answer; asked before each batch.
    """

    def __init__(self, plan: Plan, folder: Path, out_of_time: Callable[[], bool], wanted: Callable[[], bool]) -> None:
        self.epochs: list[Epoch] = []
        self._plan, self._folder, self._out_of_time, self._wanted = plan, folder, out_of_time, wanted
        self._start = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, learner: Any) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_train_batch_start(self, trainer: pl.Trainer, learner: Any, batch: Any, number: int) -> None:
        """Looks whether the caller is still there.

        Raises:
            UnavailableError: when nobody waits any more.
        """
        if not self._wanted():
            raise UnavailableError("the caller left before the encoder was pre-trained; ask again, and it goes on")

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: Any) -> None:
        """Notes the epoch."""
        seconds, lr = time.monotonic() - self._start, trainer.optimizers[0].param_groups[0]["lr"]
        self.epochs.append(Epoch(trainer.current_epoch + 1, learner.loss, learner.neighbours, float(lr), seconds))
        if trainer.is_global_zero:
            scratch = self._folder / "diary.json.new"
            scratch.write_text(json.dumps([asdict(epoch) for epoch in self.epochs]))
            scratch.replace(self._folder / "diary.json")
        for logger in trainer.loggers:
            values = {"loss": learner.loss, "neighbours": learner.neighbours, "lr": float(lr)}
            logger.log_metrics(values, step=trainer.current_epoch + 1)
        # The first process decides for all: one that went on alone would wait for the others for ever.
        trainer.should_stop = trainer.strategy.broadcast(is_over(self.epochs, self._plan) or self._out_of_time())

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"epochs": [asdict(epoch) for epoch in self.epochs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.epochs = [Epoch(**entry) for entry in state["epochs"]]
