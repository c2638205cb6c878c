"""What self-supervised training makes small: SimCLR's and SimSiam's losses, and the networks that they put on the encoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

PROJECTED = 128  # numbers that SimCLR compares
HIDDEN = 512
Gather = Callable[[Tensor], Tensor]  # [n, d] of this process -> [processes, n, d] of all, with gradients


def nt_xent(first: Tensor, second: Tensor, temperature: float, gather: Gather | None = None, number: int = 0) -> Tensor:
    """The normalised, temperature-scaled cross entropy of SimCLR (T. Chen et al., 2020, equation 1).

    Args:
        first, second: projections [n, d] of two views of n images, at least two, row by row of the same image.
        temperature: by which cosines are divided.
        gather: gives the projections of all processes: each compares its own with those of all, so that the mean over the
            processes is the loss of the whole batch.
        number: of this process.
    """
    both = functional.normalize(torch.cat([first, second]).float(), dim=1)
    everyone = both if gather is None else gather(both).flatten(0, 1)
    count, begin = len(first), number * len(both)
    own = torch.arange(2 * count, device=both.device)
    cosines = both @ everyone.T / temperature
    cosines[own, begin + own] = float("-inf")
    return functional.cross_entropy(cosines, begin + own.roll(count))


def negative_cosine(predicted: Tensor, target: Tensor) -> Tensor:
    """SimSiam's D(p, z) (X. Chen and K. He, 2021, equation 1): the gradient stops at the target."""
    return -functional.cosine_similarity(predicted.float(), target.detach().float(), dim=1).mean()


class SimCLR(nn.Module):
    """Two layers project an embedding; the other view of the same image is to be told from those of all others."""

    def __init__(self, dim: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.projector = nn.Sequential(
            nn.Linear(dim, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, PROJECTED, bias=False),
            nn.BatchNorm1d(PROJECTED),
        )

    def forward(self, first: Tensor, second: Tensor, gather: Gather | None = None, number: int = 0) -> Tensor:
        """The loss of the embeddings [n, dim] of two views of n images; with ``gather``, against those of all processes."""
        projected = self.projector(torch.cat([first, second]))
        return nt_xent(projected[: len(first)], projected[len(first) :], self.temperature, gather, number)


class SimSiam(nn.Module):
    """Three layers project an embedding, two more predict from it the projection of the other view."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.projector = nn.Sequential(
            nn.Linear(dim, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(HIDDEN, HIDDEN // 4, bias=False),
            nn.BatchNorm1d(HIDDEN // 4),
            nn.ReLU(),
            nn.Linear(HIDDEN // 4, HIDDEN),
        )

    def forward(self, first: Tensor, second: Tensor, gather: Gather | None = None, number: int = 0) -> Tensor:
        """The loss of the embeddings [n, dim] of two views of n images; an image is compared with itself alone."""
        targets = self.projector(first), self.projector(second)
        predicted = self.predictor(targets[0]), self.predictor(targets[1])
        return (negative_cosine(predicted[0], targets[1]) + negative_cosine(predicted[1], targets[0])) / 2
