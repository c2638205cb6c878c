"""A small encoder, trained in seconds without labels, and saved as the self-supervised learner of the original saves its own.

SimCLR: two random views of an image are to be near each other and far from all others (T. Chen et al., "A Simple Framework
for Contrastive Learning of Visual Representations", 2020, equation 1).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

DIM = 64
SIDE = 32  # pixels of the square input
_BATCH = 128
_TEMPERATURE = 0.2
_RATE = 4e-3


class MiniCnn(nn.Module):
    """The original's ``minicnn64``: images float32 [n, 3, side, side], 0-255, to embeddings float32 [n, 64]."""

    def __init__(self, dim: int = DIM) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 48, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(48, 64, 5, stride=2, padding=2)
        self.fc1 = nn.Linear(1024, dim)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.fc1):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.get_parameter("bias"), 0)

    def forward(self, images: Tensor) -> Tensor:
        """One embedding per image."""
        hidden = functional.max_pool2d(self.conv1(images).relu(), 2)
        hidden = functional.max_pool2d(self.conv2(hidden).relu(), 2)
        hidden = functional.adaptive_avg_pool2d(self.conv3(hidden).relu(), 16)
        hidden = functional.max_pool2d(self.conv4(hidden).relu(), 2)
        embedding: Tensor = self.fc1(hidden.flatten(1)).relu()
        return embedding


def read_images(folder: Path) -> Tensor:
    """All PNG files of a folder by name, float32 [n, 3, 32, 32], 0-255, resized as the embedder does it."""
    size = (SIDE, SIDE)
    pictures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]
    pixels = np.stack([np.asarray(picture.resize(size, Image.Resampling.BILINEAR)) for picture in pictures])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def train(
    images: Tensor, epochs: int = 6, seed: int = 0, tell: Callable[[int], object] = lambda _epoch: None
) -> MiniCnn:
    """Trains an encoder without labels.

    Args:
        images: float32 [n, 3, side, side], 0-255; at least 128 of them.
        epochs: passes over all images.
        seed: of weights, order and views; equal seeds give equal weights on one machine.
        tell: called after each epoch with its number, from 1.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = MiniCnn()
        _fit(encoder, images / 255, epochs, tell)
    with torch.no_grad():
        encoder.conv1.weight /= 255  # trained on 0-1, used on 0-255: the first layer takes the factor in
    return encoder.eval()


def _fit(encoder: MiniCnn, images: Tensor, epochs: int, tell: Callable[[int], object]) -> None:
    projector = nn.Sequential(nn.Linear(DIM, 128), nn.ReLU(), nn.Linear(128, 64))
    model = nn.Sequential(encoder, projector)
    steps = len(images) // _BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=epochs * steps)
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(images))[: steps * _BATCH].view(steps, _BATCH):
            loss = contrast(model(view(images[rows])), model(view(images[rows])))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        tell(epoch)


def view(images: Tensor) -> Tensor:
    """A random view of each image [n, 3, side, side], 0-1: turned, sheared, scaled and moved a little, strokes faded or not."""
    n = len(images)
    angle, shear = torch.empty(2, n).uniform_(-0.3, 0.3)
    wide, high = torch.empty(2, n).uniform_(0.8, 1.2)
    right, down = torch.empty(2, n).uniform_(-0.15, 0.15)
    first = torch.stack([angle.cos() * wide, shear - angle.sin(), right], 1)
    second = torch.stack([angle.sin(), angle.cos() * high, down], 1)
    grid = functional.affine_grid(torch.stack([first, second], 1), list(images.shape), align_corners=False)
    gamma = torch.empty(n, 1, 1, 1).uniform_(0.6, 1.6)
    moved = functional.grid_sample(images, grid, align_corners=False)
    return moved.clamp_min(1e-4) ** gamma


def contrast(one: Tensor, other: Tensor) -> Tensor:
    """The mean NT-Xent loss of two views [n, d] of the same n images."""
    vectors = functional.normalize(torch.cat([one, other]))
    likeness = vectors @ vectors.T / _TEMPERATURE
    likeness.fill_diagonal_(float("-inf"))
    n = len(one)
    partner = torch.arange(2 * n).roll(n)
    return functional.cross_entropy(likeness, partner)


def save(encoder: MiniCnn, path: Path) -> None:
    """Writes a checkpoint as users of the original own them: weights below ``encoder.``, and hyper-parameters beside."""
    weights = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    hyper_parameters = {"encoder_name": f"minicnn{DIM}", "embedding_size": DIM, "image_size": SIDE}
    unfinished = path.with_suffix(".part")
    torch.save({"state_dict": weights, "hyper_parameters": hyper_parameters}, unfinished)
    unfinished.replace(path)
