"""The architectures, their weights named as in checkpoints. Each maps float32 [n, 3, side, side], 0-255, to [n, dim]."""

from __future__ import annotations

from torch import Tensor, nn

from protos.errors import InvalidInputError
from services.common.encoders.hog import Hog
from services.common.encoders.spec import RESNETS, EncoderSpec, HubSpec, OnnxSpec, TimmSpec


def build_network(architecture: str, dim: int) -> nn.Module:
    """A network with fresh weights whose output is the embedding.

    Args:
        architecture: "resnet18", "resnet50", "minicnn" followed by ``dim``, or "hog".
        dim: length of an embedding.

    Raises:
        InvalidInputError: for another architecture, or a dim that it does not have.
    """
    if architecture.startswith("minicnn") and architecture.removeprefix("minicnn") in ("", str(dim)) and dim > 0:
        return MiniCNN(dim)
    fixed = {**RESNETS, "hog": Hog.dim}
    if architecture not in fixed:
        raise InvalidInputError(
            f"architecture {architecture!r} is not known; it takes resnet18, resnet50, hog or minicnnN for N outputs"
        )
    if dim != fixed[architecture]:
        raise InvalidInputError(f"an embedding of {architecture} has {fixed[architecture]} numbers, not {dim}")
    if architecture == "hog":
        return Hog()
    return ResNet(BasicBlock, (2, 2, 2, 2)) if architecture == "resnet18" else ResNet(Bottleneck, (3, 4, 6, 3))


def build_encoder(spec: EncoderSpec, weights: int | None = None) -> nn.Module:
    """The network of a spec, of whichever kind, with fresh weights.

    Args:
        spec: what it is.
        weights: how many numbers there are to fill it; an encoder of the hub or of an ONNX file that needs more is refused.

    Raises:
        InvalidInputError: for another architecture, or a dim or configuration that it does not have.
        ConflictError: when it is one of the hub, and ``transformers`` or ``timm`` is not installed.
    """
    if isinstance(spec, OnnxSpec):
        from services.common.encoders.onnx_network import build_onnx

        return build_onnx(spec, weights)
    if isinstance(spec, TimmSpec):
        from services.common.encoders.timm_network import build_timm

        return build_timm(spec) if weights is None else build_timm(spec, weights)
    if not isinstance(spec, HubSpec):
        return build_network(spec.architecture, spec.dim)
    from services.common.encoders import hub  # only those who use them need their package

    return hub.build(spec) if weights is None else hub.build(spec, weights)


class MiniCNN(nn.Module):
    """Four convolutions and a linear layer, ``dim`` outputs; takes images of 8 pixels and more."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=1, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 48, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(48, 64, 5, stride=2, padding=2)
        self.fc1 = nn.Linear(1024, dim)
        self.pool = nn.MaxPool2d(2)
        self.spread = nn.AdaptiveAvgPool2d((16, 16))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [n, dim], none below zero."""
        x = self.pool(self.conv1(images).relu())
        x = self.pool(self.conv2(x).relu())
        x = self.spread(self.conv3(x).relu()).relu()
        x = self.pool(self.conv4(x).relu())
        embeddings: Tensor = self.fc1(x.flatten(1)).relu()
        return embeddings


def _conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps [n, width, h / stride, w / stride]."""
        short = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu_()
        out: Tensor = (self.bn2(self.conv2(x)) + short).relu_()
        return out


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride) and 1x1 convolutions and a shortcut."""

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

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps [n, 4 * width, h / stride, w / stride]."""
        short = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu_()
        x = self.bn2(self.conv2(x)).relu_()
        out: Tensor = (self.bn3(self.conv3(x)) + short).relu_()
        return out


class ResNet(nn.Module):
    """Deep residual learning (He et al. 2015), 7x7 stem; the output is the global average pool, 512 times the expansion."""

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], depths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = _conv(3, 64, 7, 2)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for number, depth in enumerate(depths):
            width = 64 << number
            blocks: list[nn.Module] = []
            for position in range(depth):
                blocks.append(block(inputs, width, 2 if number and not position else 1))
                inputs = width * block.expansion
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [n, 512] of ResNet-18, [n, 2048] of ResNet-50."""
        x = self.maxpool(self.bn1(self.conv1(images)).relu_())
        for name in ("layer1", "layer2", "layer3", "layer4"):
            x = self.get_submodule(name)(x)
        embeddings: Tensor = x.mean(dim=(2, 3))
        return embeddings
