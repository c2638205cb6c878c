"""What an encoder is, without its weights."""

from __future__ import annotations

from dataclasses import dataclass

from protos.errors import InvalidInputError

RESNETS = {"resnet18": 512, "resnet50": 2048}
MAX_IMAGE_SIZE = 4096


@dataclass(frozen=True)
class EncoderSpec:
    """An architecture with the shape of its input and output.

    Attributes:
        architecture: "resnet18", "resnet50", "hog", or "minicnn" with its dim, for example "minicnn64"; without it the dim is
            added.
        dim: length of one embedding.
        image_size: side of the square input, in pixels.
    """

    architecture: str
    dim: int
    image_size: int

    def __post_init__(self) -> None:
        if self.architecture == "minicnn":
            object.__setattr__(self, "architecture", f"minicnn{self.dim}")
        least = 8 if self.architecture.startswith("minicnn") else 1
        if not least <= self.image_size <= MAX_IMAGE_SIZE:
            raise InvalidInputError(f"image_size {self.image_size} is not between {least} and {MAX_IMAGE_SIZE} pixels")
