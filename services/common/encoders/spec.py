"""What belongs to an encoder besides its weights."""

from __future__ import annotations

from dataclasses import dataclass

from protos.errors import InvalidInputError

SMALLEST_IMAGE = 8  # below that the strides of the networks leave nothing
LARGEST_IMAGE = 4096


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An encoder without its weights.

    Attributes:
        architecture: "resnet18", "resnet50", "minicnn" or "hog".
        dim: length of one embedding.
        image_size: side of the square input in pixels.
    """

    architecture: str
    dim: int
    image_size: int

    def __post_init__(self) -> None:
        if not SMALLEST_IMAGE <= self.image_size <= LARGEST_IMAGE:
            raise InvalidInputError(
                f"image_size {self.image_size} is not between {SMALLEST_IMAGE} and {LARGEST_IMAGE} pixels"
            )
