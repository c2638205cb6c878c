"""The device that a fine-tuning runs on, claimed where it is a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from services.common.devices import GpuClaim, choose_device, gpu_uuids


class Devices:
    """Lends devices to fine-tunings.

    Args:
        locks: folder of the GPUs' locks; None: nothing is locked.
        strict: refuse "cuda" where there is no GPU.
    """

    def __init__(self, locks: Path | None = None, strict: bool = False) -> None:
        self._strict = strict
        self._claim = GpuClaim(locks, gpu_uuids(), release=_empty_cache)

    @contextmanager
    def using(self, name: str) -> Iterator[torch.device]:
        """The device that ``name`` ("auto", "cpu", "cuda" or "cuda:N") stands for, held within the block.

        Raises:
            InvalidInputError: for a name or number that there is not.
            ConflictError: when it is a GPU that cannot be had.
        """
        device = choose_device(name, self._strict)
        if device.type != "cuda":
            yield device
            return
        with self._claim.using(device.index) as number:
            yield torch.device("cuda", number)


def _empty_cache() -> None:
    torch.cuda.empty_cache()
