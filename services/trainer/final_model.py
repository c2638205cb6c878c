"""The end of a run: one file that classifies images, and how to use it.

    from services.trainer.final_model import load  # or: import active_labeler; active_labeler.load_model(...)
    load("final_model.ckpt").classify("image.png")

The file is ``torch.save`` of a dict of tensors and plain values, so that ``torch.load(..., weights_only=True)`` reads it and
nothing in it is ever run: ``format``, ``version``, ``encoder`` (architecture, dim, image_size), ``encoder_weights``, ``head``
(kind, dim, hidden_dim, dropout), ``head_weights``, ``positive_name``, ``threshold``.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError, read_square, to_rgb, to_square
from services.trainer.heads import Head, HeadShape
from services.trainer.network import EncoderWithHead, forward_all

FORMAT = "active-labeler final model"
VERSION = 1
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


class FinalModel:
    """An encoder and a head that classify images.

    Args:
        network: in evaluation mode, on the processor.
        spec: of its encoder.
        positive_name: what the positive class is called.
        threshold: of the probability.
    """

    def __init__(self, network: EncoderWithHead, spec: EncoderSpec, positive_name: str, threshold: float) -> None:
        self.network, self.spec, self.positive_name, self.threshold = network, spec, positive_name, threshold

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
            return self._verdict(float(self.probabilities([images])[0]))
        return [self._verdict(float(probability)) for probability in self.probabilities(images)]

    def probabilities(self, images: Sequence[Picture]) -> NDArray[np.float32]:
        """The probability of the positive class for each image, float32 [n].

        Raises:
            InvalidInputError: when a file is no image.
        """
        parts = [np.empty(0, dtype=np.float32)]
        for first in range(0, len(images), _AT_ONCE):
            pixels = np.stack([self._pixels(image) for image in images[first : first + _AT_ONCE]])
            parts.append(forward_all(self.network, pixels, torch.device("cpu")).sigmoid().numpy())
        return np.concatenate(parts)

    def _pixels(self, image: Picture) -> NDArray[np.uint8]:
        try:
            if isinstance(image, Image.Image):
                return to_square(to_rgb(image.copy()), self.spec.image_size)
            return read_square(Path(image), self.spec.image_size)
        except (UnreadableImageError, OSError, SyntaxError) as error:  # Pillow reads an opened picture only here
            raise InvalidInputError(f"{image} cannot be classified: {error}") from None

    def _verdict(self, probability: float) -> Classification:
        positive = bool(np.float32(probability) >= np.float32(self.threshold))  # as the curated data set decides
        return Classification(self.positive_name if positive else f"not {self.positive_name}", positive, probability)


def model_bytes(network: EncoderWithHead, spec: EncoderSpec, positive_name: str, threshold: float) -> bytes:
    """The content of a final model's file; equal models give equal bytes."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "encoder": asdict(spec),
        "encoder_weights": _plain(network.encoder),
        "head": asdict(network.head.shape),
        "head_weights": _plain(network.head),
        "positive_name": positive_name or "positive",
        "threshold": threshold,
    }
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def load(path: str | Path) -> FinalModel:
    """Reads ``final_model.ckpt``.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it is something else, or made by a later version.
        DamagedError: when it says that it is one and is not whole.
    """
    content = _read(Path(path))
    if content.get("version") != VERSION:
        raise InvalidInputError(
            f"{path} is a final model of version {content.get('version')}, this program reads {VERSION}"
        )
    try:
        spec = EncoderSpec(**content["encoder"])
        network = EncoderWithHead(build_network(spec.architecture, spec.dim), Head(HeadShape(**content["head"])))
        network.encoder.load_state_dict(content["encoder_weights"])
        network.head.load_state_dict(content["head_weights"])
        return FinalModel(network.eval(), spec, str(content["positive_name"]), float(content["threshold"]))
    except Exception as error:  # whatever a damaged dict can make of itself
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedError(f"{path} is a damaged final model: {reason}; export it again") from error


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}; a run writes final_model.ckpt when it finishes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how a foreign file was pickled; the sentence below says enough
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign or damaged file raises anything
        raise InvalidInputError(
            f"{path} is no final model of this program, or damaged ({type(error).__name__}); export it again"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidInputError(f"{path} is a checkpoint, but no final model of this program; export one from a run")
    return content


def _plain(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }
