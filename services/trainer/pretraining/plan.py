"""What is pre-trained and how, checked."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from protos.errors import InvalidInputError
from services.common.encoders.spec import MAX_IMAGE_SIZE, RESNETS

METHODS = ("simclr", "simsiam")
PRECISIONS = ("auto", "fp32", "bf16")
MINICNN_DIM = 128
MOST_DEVICES = 64
LEAST_SHARE = 4  # images of a batch for each device
DEFAULTS = {"simclr": (1e-3, 1e-4), "simsiam": (0.05, 1e-4)}  # learning rate for 256 images a batch, weight decay


@dataclass(frozen=True)
class Plan:
    """See ``PretrainingParameters`` in the contracts.

    Attributes:
        method: "simclr" or "simsiam".
        architecture: "resnet18", "resnet50" or "minicnn" with its number of outputs.
        image_size: side of the encoder's input, pixels.
        epochs: at most.
        batch_size: images a step.
        lr: learning rate for a batch of 256 images, in proportion for others; 0: the method's.
        weight_decay: negative: the method's.
        temperature: of SimCLR.
        patience: epochs without a better monitor until training ends; 0: all epochs.
        seed: of everything that is drawn.
        precision: "fp32", "bf16", or "auto": bf16 where the device computes with it.
        devices: processes that train together, one a GPU; each batch is shared out.

    Raises:
        InvalidInputError: when a value is out of its range.
    """

    method: str = "simclr"
    architecture: str = "resnet18"
    image_size: int = 64
    epochs: int = 100
    batch_size: int = 256
    lr: float = 0.0
    weight_decay: float = -1.0
    temperature: float = 0.2
    patience: int = 0
    seed: int = 0
    precision: str = "auto"
    devices: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInputError(f"the method {self.method!r} is not known; it takes {' or '.join(METHODS)}")
        if self.precision not in PRECISIONS:
            raise InvalidInputError(f"the precision {self.precision!r} is not known; it takes {', '.join(PRECISIONS)}")
        _ = self.dim
        least = 8 if self.architecture.startswith("minicnn") else 32
        _whole("image size", self.image_size, least, MAX_IMAGE_SIZE)
        _whole("number of epochs", self.epochs, 1, 100_000)
        _whole("batch size", self.batch_size, 4, 65_536)
        _whole("number of devices", self.devices, 1, MOST_DEVICES)
        if self.batch_size // self.devices < LEAST_SHARE:
            raise InvalidInputError(
                f"a batch of {self.batch_size} images cannot be shared out to {self.devices} devices: each takes at least"
                f" {LEAST_SHARE}; give a larger batch or fewer devices"
            )
        _whole("patience", self.patience, 0, 100_000)
        _number("learning rate", self.lr, 0, 1e6)
        _number("temperature", self.temperature, 1e-4, 1e4)
        if self.weight_decay != -1:
            _number("weight decay", self.weight_decay, 0, 1e6)

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        width = self.architecture.removeprefix("minicnn")
        if self.architecture in RESNETS:
            return RESNETS[self.architecture]
        if (
            width == self.architecture
            or (width and not width.isdecimal())
            or not 1 <= int(width or MINICNN_DIM) <= 65_536
        ):
            raise InvalidInputError(
                f"the architecture {self.architecture!r} cannot be pre-trained; it takes resnet18, resnet50 or minicnnN with N"
                " outputs"
            )
        return int(width or MINICNN_DIM)

    @property
    def descent(self) -> tuple[float, float]:
        """Learning rate for batches of ``batch_size``, and weight decay."""
        lr, decay = DEFAULTS[self.method]
        return (self.lr or lr) * self.batch_size / 256, decay if self.weight_decay == -1 else self.weight_decay

    def as_json(self) -> str:
        """Equal plans, equal text; part of the name of what they train. One device is not mentioned: names stay as they were."""
        fields = asdict(self)
        if self.devices == 1:
            del fields["devices"]
        return json.dumps(fields, sort_keys=True)


def _whole(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidInputError(f"a {name} of {value} cannot be pre-trained with; it takes {least} to {most}")


def _number(name: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise InvalidInputError(f"a {name} of {value:g} cannot be pre-trained with; it takes {least:g} to {most:g}")
