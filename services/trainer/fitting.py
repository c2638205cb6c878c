"""The training loop, by Lightning: batches that are ready in memory, the best epoch kept.

Imported where it is needed and not before: Lightning takes seconds to import, and logistic heads do without it.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from torch import Tensor, nn

from services.trainer.balance import balanced_loss
from services.trainer.parameters import Parameters
from services.trainer.quality import Outcome, Quality, measure

for _name in ("pytorch_lightning", "lightning.pytorch", "lightning_utilities"):
    logging.getLogger(_name).setLevel(logging.ERROR)  # it announces its hardware and its tips for every head
CLIP_NORM = 1.0
_CPU = torch.device("cpu")

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Group:
    """Parameters that are trained, and the learning rate that they start with."""

    parameters: list[nn.Parameter]
    lr: float


class Fitting(pl.LightningModule):
    """Fits a model to 0/1 targets: balanced cross entropy on its logits, SGD with momentum, the gradient's norm clipped.

    After every epoch ``judge`` gives (logits, targets) of the validation split; the weights of the epoch with the lowest
    finite loss are kept. Without a validation split the last epoch with a finite training loss is.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: list[Group],
        parameters: Parameters,
        judge: Callable[[], Batch] | None,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.groups = groups
        self.parameters_of_training = parameters
        self.judge = judge
        self.weight = weight
        self.outcome = Outcome(0, Quality())
        self._best: dict[str, Tensor] | None = None
        self._lowest = math.inf
        self._finite = True

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        """The loss of one batch: inputs [n, ...], targets float32 [n]."""
        inputs, targets = batch
        return balanced_loss(self.model(inputs), targets, self.weight)

    def configure_optimizers(self) -> Any:
        """SGD with the rates of the groups and their schedule, one step an epoch."""
        asked = self.parameters_of_training
        groups = [{"params": group.parameters, "lr": group.lr} for group in self.groups]
        optimizer = torch.optim.SGD(groups, momentum=asked.momentum, weight_decay=asked.weight_decay)
        factors = [_factor(asked, group.lr) for group in self.groups]
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, factors)}

    def on_train_epoch_start(self) -> None:
        """A new epoch has a clean slate."""
        self._finite = True

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Notices a loss that is infinite or not a number."""
        self._finite = self._finite and bool(torch.isfinite(outputs["loss"]))

    def on_train_epoch_end(self) -> None:
        """Keeps this epoch where it is the best one so far."""
        if not self._finite:
            self.trainer.should_stop = True
            return
        quality = self._judge()
        loss = -self.current_epoch if self.judge is None else quality.loss
        if loss < self._lowest:
            self._lowest = loss
            self.outcome = Outcome(self.current_epoch + 1, quality)
            self._best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def restore_best(self) -> Outcome:
        """Gives the model the weights of the best epoch; epoch 0 says that there was none."""
        if self._best is not None:
            self.model.load_state_dict(self._best)
        self.model.eval()
        return self.outcome

    def _judge(self) -> Quality:
        if self.judge is None:
            return Quality()
        training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        with torch.no_grad():
            quality = measure(*self.judge())
        for module in training:
            module.training = True
        return quality


def _factor(parameters: Parameters, lr: float) -> Callable[[int], float]:
    return lambda epoch: parameters.lr_at(epoch, lr) / lr if lr else 0.0


def fit(fitting: Fitting, batches: Any, epochs: int, device: torch.device = _CPU) -> Outcome:
    """Trains, and leaves the model with the weights of its best epoch, in evaluation mode.

    Args:
        fitting: the model and how to train it.
        batches: iterated once an epoch: (inputs, targets) on the processor or on ``device``.
        epochs: how often.
        device: where.
    """
    on_gpu = device.type == "cuda"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            accelerator="gpu" if on_gpu else "cpu",
            devices=[device.index or 0] if on_gpu else 1,
            max_epochs=epochs,
            plugins=[LightningEnvironment()],  # one process, also within a cluster's job
            gradient_clip_val=CLIP_NORM,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(fitting, batches)
    return fitting.restore_best()
