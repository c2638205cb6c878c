"""The encoder, its objective and its descent, as Lightning trains them."""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional

from protos.errors import InvalidInputError
from services.common.encoders.networks import build_network
from services.trainer.pretraining.augmentations import Strength, views_of
from services.trainer.pretraining.batches import ALONE, Part, generator, to_images
from services.trainer.pretraining.objectives import Gather, SimCLR, SimSiam
from services.trainer.pretraining.plan import Plan

SCALE = 64.0  # pixels are divided by this while training, and the first layer's weights after it
_MONITOR_BATCH = 128


class Learner(pl.LightningModule):
    """Fresh weights, drawn from the process-wide generator.

    Args:
        plan: of the training.
        steps: batches an epoch.
        pixels: uint8 [n, side, side, 3]; those of ``watched`` are looked at after each epoch.
        watched: rows for the monitor.
        part: which of several processes this is.
    """

    def __init__(self, plan: Plan, steps: int, pixels: NDArray[Any], watched: NDArray[Any], part: Part = ALONE) -> None:
        super().__init__()
        self.plan, self.steps, self.pixels, self.watched, self.part = plan, steps, pixels, watched, part
        self.strength = Strength()
        network = build_network(plan.architecture, plan.dim)
        self.encoder = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = SimCLR(plan.dim, plan.temperature) if plan.method == "simclr" else SimSiam(plan.dim)
        self._losses: list[Tensor] = []
        self.loss = self.neighbours = math.nan  # of the last epoch

    def training_step(self, batch: Tensor, number: int) -> Tensor:
        """The loss of two views of a batch uint8 [n, 3, side, side]."""
        draw = generator(self.plan.seed, "views", self.current_epoch, number, *self.part.names)
        views = [views_of(batch, self.strength, draw) / SCALE for _ in range(2)]
        both = torch.cat(views).contiguous(memory_format=torch.channels_last)
        loss: Tensor = self.objective(*self.encoder(both).chunk(2), self._gather(), self.part.number)
        self._losses.append(loss.detach())
        return loss

    def _gather(self) -> Gather | None:
        return None if self.part.count == 1 else self._of_all

    def _of_all(self, rows: Tensor) -> Tensor:
        everyone = self.all_gather(rows, sync_grads=True)
        assert isinstance(everyone, Tensor)
        return everyone

    def on_train_epoch_end(self) -> None:
        """Takes the monitor. The loss is the mean over all processes; the monitor that of the first, whose encoder is kept.

        Raises:
            InvalidInputError: when the training has diverged.
        """
        self.loss = float(self.trainer.strategy.reduce(torch.stack(self._losses).mean(), reduce_op="mean"))
        self._losses.clear()
        if not math.isfinite(self.loss):
            raise InvalidInputError(
                f"pre-training diverged in epoch {self.current_epoch + 1} at a learning rate of {self.plan.descent[0]:g};"
                " give a lower one"
            )
        self.neighbours = self.trainer.strategy.broadcast(self.monitor())

    def monitor(self) -> float:
        """The share of watched images one view of which has the other view of the same image as its nearest neighbour.

        That is the accuracy of a k-NN classifier (k = 1, cosine) of the embeddings whose classes are the images: it needs no
        labels, and the views are the same after each epoch.
        """
        self.encoder.eval()
        draw = generator(self.plan.seed, "monitor")
        parts: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad():
            for first in range(0, len(self.watched), _MONITOR_BATCH):
                images = to_images(self.pixels, self.watched[first : first + _MONITOR_BATCH]).to(self.device)
                one, two = (self.encoder(views_of(images, self.strength, draw) / SCALE).float() for _ in range(2))
                parts.append((one, two))
        self.encoder.train()
        one, two = (functional.normalize(torch.cat(side), dim=1) for side in zip(*parts, strict=True))
        nearest = (one @ two.T).argmax(dim=1)
        return float((nearest == torch.arange(len(nearest), device=nearest.device)).float().mean())

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW for SimCLR, SGD for SimSiam; one epoch of warming up, then half a cosine down to zero."""
        lr, decay = self.plan.descent
        parameters = list(self.parameters())
        descent: torch.optim.Optimizer = (
            torch.optim.AdamW(parameters, lr, weight_decay=decay)
            if self.plan.method == "simclr"
            else torch.optim.SGD(parameters, lr, momentum=0.9, weight_decay=decay)
        )
        total = self.steps * self.plan.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(
            descent,
            lambda step: min(1.0, (step + 1) / self.steps) * (1 + math.cos(math.pi * min(step / total, 1))) / 2,
        )
        return {"optimizer": descent, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def finished(self) -> nn.Module:
        """The encoder for pixels 0-255, on the processor: what training divided them by is put into the first layer."""
        encoder: nn.Module = self.encoder.to("cpu").eval()
        first = encoder.get_submodule("conv1")
        assert isinstance(first, nn.Conv2d)
        with torch.no_grad():
            first.weight.div_(SCALE)
        return encoder
