"""Lightning at work: from the newest checkpoint on, until the training is over or the time of the call is."""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.strategies import DDPStrategy

from services.trainer.pretraining.batches import ALONE, Batches, Part, split
from services.trainer.pretraining.diary import Diary, is_over
from services.trainer.pretraining.learner import Learner
from services.trainer.pretraining.pixels import mapped
from services.trainer.pretraining.plan import Plan

CHECKPOINT = "last.ckpt"
SPARE_S = 10.0  # epochs of a GPU can be shorter than the writing of their checkpoint
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)


def train(
    plan: Plan,
    folder: Path,
    device: torch.device,
    out_of_time: Callable[[], bool],
    wanted: Callable[[], bool],
    part: Part = ALONE,
) -> tuple[Learner, Diary]:
    """Trains on the pixels in ``folder``; a checkpoint there is gone on from. One is left after an epoch, at
    most every ten seconds; what came since then is done again after a kill.

    Each random choice has a generator that follows from seed, epoch and batch: a training that was killed ends as a calm one.

    Args:
        plan: of the training.
        folder: of its pixels, checkpoint, diary and TensorBoard's log.
        device: where.
        out_of_time: asked after each epoch; True ends the call, and the next one goes on.
        wanted: asked before each batch; False ends it at once.
        part: which of the processes this is that train together.

    Returns:
        the learner and the diary; `is_over` tells whether the training is at its end.

    Raises:
        InvalidInputError: when there are too few images, or the training diverges.
        UnavailableError: when nobody waits any more.
    """
    pixels = mapped(folder, plan.image_size)
    rows, watched = split(len(pixels), plan.seed)
    diary = Diary(plan, folder, out_of_time, wanted)
    batches = Batches(pixels, rows, plan.batch_size, plan.seed, lambda: trainer.current_epoch, part)
    learner = Learner(plan, len(batches), pixels, watched, part)
    checkpoint = folder / CHECKPOINT
    if _ended(checkpoint, learner, diary, plan):
        return learner, diary
    trainer = _trainer(plan, folder, device, diary, part)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Lightning's advice: worker processes, a logging interval, a folder that is not empty
        trainer.fit(learner, batches, ckpt_path=str(checkpoint) if checkpoint.exists() else None, weights_only=True)
    return learner, diary


def read_back(plan: Plan, folder: Path) -> tuple[Learner, Diary]:
    """Learner and diary as other processes have left them in ``folder``; fresh where there is no checkpoint yet."""
    pixels = mapped(folder, plan.image_size)
    rows, watched = split(len(pixels), plan.seed)
    diary = Diary(plan, folder, lambda: True, lambda: True)
    learner = Learner(plan, len(Batches(pixels, rows, plan.batch_size, plan.seed, lambda: 0)), pixels, watched)
    _ended(folder / CHECKPOINT, learner, diary, plan)
    return learner, diary


class SparingCheckpoint(ModelCheckpoint):
    """Writes after an epoch when `SPARE_S` seconds have passed since the last time, and after the last epoch of a call."""

    _written = -math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: Any) -> None:
        """Writes, or waits for the next epoch."""
        last = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if trainer.strategy.broadcast(last or time.monotonic() - self._written >= SPARE_S):  # all together, or none
            super().on_train_epoch_end(trainer, learner)
            self._written = time.monotonic()


def _ended(checkpoint: Path, learner: Learner, diary: Diary, plan: Plan) -> bool:
    """Fills learner and diary from the checkpoint of a training that was at its end already."""
    if not checkpoint.exists():
        return False
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    diary.load_state_dict(content["callbacks"][diary.state_key])
    if not is_over(diary.epochs, plan):
        return False
    learner.load_state_dict(content["state_dict"])
    return True


def _trainer(plan: Plan, folder: Path, device: torch.device, diary: Diary, part: Part) -> pl.Trainer:
    keep = SparingCheckpoint(
        dirpath=folder, filename="last", save_top_k=1, enable_version_counter=False, save_on_train_epoch_end=True
    )
    where: dict[str, Any] = {"accelerator": "cpu", "devices": 1}
    if device.type == "cuda":
        where = {"accelerator": "gpu", "devices": [device.index or 0]}
    if part.count > 1:  # each process sees the others' GPUs, by the numbers of the processes
        where = {**where, "devices": part.count, "strategy": DDPStrategy(), "use_distributed_sampler": False}
        where["sync_batchnorm"] = device.type == "cuda"  # there is none for processors
    return pl.Trainer(
        **where,
        precision="bf16-mixed" if _bf16(plan, device) else "32-true",
        max_epochs=plan.epochs,
        logger=_loggers(folder),
        callbacks=[diary, keep],
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _bf16(plan: Plan, device: torch.device) -> bool:
    """Whether to compute with bf16: where it was asked for, or the device has instructions for it."""
    if plan.precision != "auto":
        return plan.precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    facts = torch.cpu.get_capabilities()
    return bool(facts.get("avx512_bf16") or facts.get("amx_bf16"))


def _loggers(folder: Path) -> Any:
    """TensorBoard's where it is installed; the table of epochs is kept in any case."""
    if find_spec("tensorboard") is None:
        return False
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(os.fspath(folder), name="tensorboard", version="")
