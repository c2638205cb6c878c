"""The original's encoders and checkpoint files, written anew from their description: the yardstick of the import.

Nothing here uses our networks. Classes carry the module names of the packages that made users' checkpoints; those modules
exist only while a file is being saved.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

PARENTS = (
    "models",
    "models.encoders",
    "pl_bolts",
    "pl_bolts.models",
    "pl_bolts.models.self_supervised",
    "pl_bolts.models.self_supervised.resnets",
    "dali_utils",
    "dali_utils.dali_transforms",
)


class miniCNN(nn.Module):  # noqa: N801 - named as in users' files
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 48, kernel_size=3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(48, 64, kernel_size=5, stride=2, padding=2)
        self.fc1 = nn.Linear(1024, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(functional.adaptive_avg_pool2d(functional.relu(self.conv3(x)), (16, 16)))
        x = functional.max_pool2d(functional.relu(self.conv4(x)), 2)
        return functional.relu(self.fc1(torch.flatten(x, 1)))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        short = self.downsample(x) if self.downsample is not None else x
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + short)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != width * 4:
            shortcut = nn.Conv2d(inputs, width * 4, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(width * 4))

    def forward(self, x: Tensor) -> Tensor:
        short = self.downsample(x) if self.downsample is not None else x
        out = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.relu(self.bn3(self.conv3(out)) + short)


class ResNet(nn.Module):
    def __init__(self, block: Any, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for number, depth in enumerate(depths):
            blocks = []
            for position in range(depth):
                stride = 2 if number > 0 and position == 0 else 1
                blocks.append(block(inputs, 64 * 2**number, stride))
                inputs = 64 * 2**number * block.expansion
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.flatten(self.avgpool(x), 1)


class DaliTransform:  # a hyper-parameter of a package that no longer installs
    def __init__(self) -> None:
        self.size = (64, 64)


class Projection(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(inputs, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))


class WithHead(nn.Module):
    """The original's final model: encoder and head in one pickled module."""

    def __init__(self, encoder: nn.Module, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear_model = nn.Sequential(nn.Dropout(0.1), nn.Linear(dim, 1))


_FOREIGN = {
    miniCNN: "models.encoders",
    WithHead: "models.encoders",
    BasicBlock: "pl_bolts.models.self_supervised.resnets",
    Bottleneck: "pl_bolts.models.self_supervised.resnets",
    ResNet: "pl_bolts.models.self_supervised.resnets",
    Projection: "pl_bolts.models.self_supervised",
    DaliTransform: "dali_utils.dali_transforms",
}


@contextmanager
def foreign_packages() -> Iterator[None]:
    """Within the block the classes above belong to the original's packages."""
    own = {kind: kind.__module__ for kind in _FOREIGN}
    for name in PARENTS:
        sys.modules[name] = types.ModuleType(name)
    for kind, module in _FOREIGN.items():
        kind.__module__ = module
        setattr(sys.modules[module], kind.__name__, kind)
    try:
        yield
    finally:
        for kind, module in own.items():
            kind.__module__ = module
        for name in PARENTS:
            del sys.modules[name]


def build(architecture: str, seed: int = 0) -> nn.Module:
    """A reference encoder whose weights, biases and batch statistics all differ from their defaults."""
    torch.manual_seed(seed)
    if architecture.startswith("minicnn"):
        module: nn.Module = miniCNN(int(architecture.removeprefix("minicnn")))
    elif architecture == "resnet18":
        module = ResNet(BasicBlock, (2, 2, 2, 2))
    else:
        module = ResNet(Bottleneck, {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}[architecture])
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.7, 1.5)
            nn.init.uniform_(part.weight, 0.7, 1.3)
            nn.init.uniform_(part.bias, -0.1, 0.1)
    return module.eval()


def lightning(encoder: nn.Module, dim: int, kind: str = "simclr") -> dict[str, Any]:
    """What PyTorch Lightning 1.x saved for a learner with this encoder; call it within `foreign_packages`."""
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    if kind == "simsiam":
        state.update({f"online_network.encoder.{name}": t for name, t in encoder.state_dict().items()})
    side = "linear_layer" if kind == "classifier" else "projection"
    state.update({f"{side}.{name}": tensor for name, tensor in Projection(dim).state_dict().items()})
    return {
        "epoch": 9,
        "global_step": 1000,
        "pytorch-lightning_version": "1.3.8",
        "callbacks": {DaliTransform: {"best": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {0: {"momentum": torch.rand(3)}}, "param_groups": [{"lr": 0.1}]}],
        "state_dict": state,
        "hyper_parameters": {"encoder": encoder, "transform": DaliTransform, "dali": DaliTransform(), "dims": {1, 2}},
    }


def lightning_plain(outputs: int) -> dict[str, Any]:
    """A checkpoint of a miniCNN that names no foreign class."""
    state = build(f"minicnn{outputs}").state_dict()
    return {"state_dict": {f"encoder.{name}": tensor for name, tensor in state.items()}, "epoch": 1}


def save(path: Path, content: Any, zipped: bool = True) -> Path:
    """``torch.save``, in today's format or in that of before 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def embed(encoder: nn.Module, path: Path, size: int) -> np.ndarray:
    """The original's embedding [dim] of an image file."""
    with Image.open(path) as image:
        pixels = np.array(image.convert("RGB").resize((size, size), Image.BILINEAR))
    with torch.no_grad():
        vector: np.ndarray = encoder(torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)))[0].numpy()
    return vector
