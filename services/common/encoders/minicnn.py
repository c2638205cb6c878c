"""miniCNN: a small convolutional encoder of which many users own checkpoints."""

from __future__ import annotations

import torch
from torch import nn


class MiniCNN(nn.Module):
    """Four convolutions and one linear layer; the adaptive pool makes it take any input from 8 px.

    Args:
        dim: length of the embedding.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 48, kernel_size=3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(48, 64, kernel_size=5, stride=2, padding=2)
        self.fc1 = nn.Linear(1024, dim)
        self.pool = nn.MaxPool2d(2)
        self.adaptive = nn.AdaptiveAvgPool2d(16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images float32 [n, 3, h, w], 0-255, to embeddings [n, dim], none negative."""
        features = self.pool(torch.relu(self.conv1(images)))
        features = self.pool(torch.relu(self.conv2(features)))
        features = torch.relu(self.adaptive(torch.relu(self.conv3(features))))
        features = self.pool(torch.relu(self.conv4(features)))
        # Rows are channel, height, width whatever the memory format is: fc1 was trained on that order.
        flat: torch.Tensor = self.fc1(torch.flatten(features, 1))
        return torch.relu(flat)
