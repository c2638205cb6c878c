"""ResNet (He et al., Deep Residual Learning for Image Recognition, 2015) without its classifier.

Layers have the names that published weights use: conv1, bn1, layer1 to layer4, downsample.0 and downsample.1. The stride
of a bottleneck is in its 3x3 convolution, as in those weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features [n, inputs, h, w] to [n, width, h / stride, w / stride]."""
        short = x if self.downsample is None else self.downsample(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + short)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; four times as many channels come out."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features [n, inputs, h, w] to [n, 4 width, h / stride, w / stride]."""
        short = x if self.downsample is None else self.downsample(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + short)


class ResNet(nn.Module):
    """The body of a residual network; the embedding is the globally averaged last feature map.

    Args:
        block: BasicBlock or Bottleneck.
        depths: blocks in layer1 to layer4.
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], depths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, depth in enumerate(depths, start=1):
            width = 32 * 2**number
            blocks: list[nn.Module] = []
            for position in range(depth):
                stride = 2 if number > 1 and position == 0 else 1
                blocks.append(block(channels, width, stride))
                channels = width * block.expansion
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.dim = channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images float32 [n, 3, h, w] to embeddings [n, dim], none negative."""
        features: torch.Tensor = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        for number in range(1, 5):
            features = self.get_submodule(f"layer{number}")(features)
        return features.mean(dim=(2, 3))


def resnet18() -> ResNet:
    """18 layers, embeddings of 512."""
    return ResNet(BasicBlock, (2, 2, 2, 2))


def resnet50() -> ResNet:
    """50 layers, embeddings of 2048."""
    return ResNet(Bottleneck, (3, 4, 6, 3))
