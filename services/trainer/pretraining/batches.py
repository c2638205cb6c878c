"""The batches of an epoch: which images, in which order, follows from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.common.artifacts import digest_of

_HELD_OUT = 512  # at most
_LEAST_HELD_OUT = 16


@dataclass(frozen=True)
class Part:
    """Which of several processes, that train together, this one is: its number from 0, and how many they are."""

    number: int = 0
    count: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """What tells the random choices of this process from those of the others; nothing where it is alone."""
        return () if self.count == 1 else (f"part {self.number} of {self.count}",)


ALONE = Part()


def generator(seed: int, *place: str | int) -> torch.Generator:
    """A generator of the processor for one place of the training; no two places share one."""
    return torch.Generator().manual_seed(int(digest_of(seed, *place)[:15], 16))


def split(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on, and rows for the monitor: a tenth, at most 512; of few images all are both."""
    order = torch.randperm(count, generator=generator(seed, "split")).numpy()
    held_out = min(_HELD_OUT, count // 10)
    if held_out < _LEAST_HELD_OUT:
        return order, order[:_HELD_OUT]
    return order[held_out:], order[:held_out]


def to_images(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> Tensor:
    """Rows of pixels as uint8 [n, 3, side, side], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels[np.sort(rows)])).permute(0, 3, 1, 2)


class Batches:
    """All rows once an epoch, in batches of one size; what is left over waits for the next epoch.

    Args:
        pixels: uint8 [n, side, side, 3].
        rows: to train on.
        batch_size: images a batch; fewer where there are fewer rows.
        seed: of the order.
        epoch: the one that begins now.
        part: of each batch, this process gets an equal share.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        rows: NDArray[np.int64],
        batch_size: int,
        seed: int,
        epoch: Callable[[], int],
        part: Part = ALONE,
    ) -> None:
        self._pixels, self._rows, self._seed, self._epoch = pixels, rows, seed, epoch
        self._part, self._share = part, min(batch_size, len(rows)) // part.count
        self._size = self._share * part.count

    def __len__(self) -> int:
        return len(self._rows) // self._size

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self._rows), generator=generator(self._seed, "order", self._epoch())).numpy()
        for number in range(len(self)):
            first = number * self._size + self._part.number * self._share
            yield to_images(self._pixels, self._rows[order[first : first + self._share]])
