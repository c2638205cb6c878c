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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.encoders.networks import build_encoder
from services.common.encoders.spec import EncoderSpec, fields_of, spec_of
from services.trainer.classifying import Classification, Classifier
from services.trainer.heads import Head, HeadShape
from services.trainer.network import EncoderWithHead, forward_all

__all__ = ["Classification", "FinalModel", "load", "model_bytes"]

FORMAT = "active-labeler final model"
VERSION = 1


class FinalModel(Classifier):
    """An encoder and a head that classify images.

    Args:
        network: in evaluation mode, on the processor.
        spec: of its encoder.
        positive_name: what the positive class is called.
        threshold: of the probability.
    """

    def __init__(self, network: EncoderWithHead, spec: EncoderSpec, positive_name: str, threshold: float) -> None:
        super().__init__(spec, positive_name, threshold)
        self.network = network

    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities float32 [n] of prepared images uint8 [n, side, side, 3]."""
        probabilities: NDArray[np.float32] = forward_all(self.network, pixels, torch.device("cpu")).sigmoid().numpy()
        return probabilities


def model_bytes(network: EncoderWithHead, spec: EncoderSpec, positive_name: str, threshold: float) -> bytes:
    """The content of a final model's file; equal models give equal bytes."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "encoder": fields_of(spec),
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
        spec = spec_of(content["encoder"])
        weights = sum(tensor.numel() for tensor in content["encoder_weights"].values())
        network = EncoderWithHead(build_encoder(spec, weights), Head(HeadShape(**content["head"])))
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
