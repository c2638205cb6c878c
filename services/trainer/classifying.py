"""What every final model does, whatever file it came from: images in, probabilities and verdicts out. Knows no PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protos.errors import InvalidInputError
from services.common.encoders.geometry import read_pixels, to_pixels
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError, to_rgb

Picture = str | Path | Image.Image
_AT_ONCE = 256


@dataclass(frozen=True)
class Classification:
    """What an image shows.

    Attributes:
        label: the name of the positive class, or "not " and that name.
        positive: whether the probability reaches the threshold.
        probability: of the positive class.
    """

    label: str
    positive: bool
    probability: float


class Classifier(ABC):
    """Classifies images.

    Args:
        spec: of the encoder.
        positive_name: what the positive class is called.
        threshold: of the probability.
    """

    def __init__(self, spec: EncoderSpec, positive_name: str, threshold: float) -> None:
        self.spec, self.positive_name, self.threshold = spec, positive_name, threshold

    @abstractmethod
    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities float32 [n] of prepared images uint8 [n, side, side, 3], n at least 1; see `prepare`."""

    @overload
    def classify(self, images: Picture) -> Classification: ...  # type: ignore[overload-overlap]  # a str is a Sequence, too

    @overload
    def classify(self, images: Sequence[Picture]) -> list[Classification]: ...

    def classify(self, images: Picture | Sequence[Picture]) -> Classification | list[Classification]:
        """Classifies an image (a path or a Pillow image), or each of several.

        Raises:
            InvalidInputError: when a file is no image.
        """
        if isinstance(images, str | Path | Image.Image):
            return self.verdict(float(self.probabilities([images])[0]))
        return [self.verdict(float(probability)) for probability in self.probabilities(images)]

    def probabilities(self, images: Sequence[Picture]) -> NDArray[np.float32]:
        """The probability of the positive class for each image, float32 [n].

        Raises:
            InvalidInputError: when a file is no image.
        """
        parts = [np.empty(0, dtype=np.float32)]
        for first in range(0, len(images), _AT_ONCE):
            parts.append(self.of_pixels(np.stack([self.prepare(image) for image in images[first : first + _AT_ONCE]])))
        return np.concatenate(parts)

    def prepare(self, image: Picture) -> NDArray[np.uint8]:
        """An image as the encoder wants it, uint8 [side, side, 3], RGB: prepared by the encoder's own rule.

        Raises:
            InvalidInputError: when the file is no image.
        """
        try:
            if isinstance(image, Image.Image):
                return to_pixels(to_rgb(image.copy()), self.spec)
            return read_pixels(Path(image), self.spec)
        except (UnreadableImageError, OSError, SyntaxError) as error:  # Pillow reads an opened picture only here
            raise InvalidInputError(f"{image} cannot be classified: {error}") from None

    def verdict(self, probability: float) -> Classification:
        """What a probability means."""
        positive = bool(np.float32(probability) >= np.float32(self.threshold))  # as the curated data set decides
        return Classification(self.positive_name if positive else f"not {self.positive_name}", positive, probability)
