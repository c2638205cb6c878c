"""Encoders of timm as networks like the others: float32 [n, 3, side, side], 0-255, to [n, dim]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from protos.errors import ActiveLabelerError, InvalidInputError
from services.common.encoders.hub import MAX_WEIGHTS
from services.common.encoders.normalising import NormalisedEncoder
from services.common.encoders.spec import TimmSpec
from services.common.encoders.timm_config import PREFIX, checked_architecture, library, parsed_arguments


class TimmEncoder(NormalisedEncoder):
    """A model of timm without its classifier, with its normalisation in front; the embedding is what the classifier would get.

    Args:
        model: of timm.
        spec: what it is.
    """

    def __init__(self, model: nn.Module, spec: TimmSpec) -> None:
        super().__init__(spec.preprocessing)
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [n, dim]."""
        embeddings: Tensor = self.model(self.normalised(images))
        return embeddings.flatten(1)


def build_timm(spec: TimmSpec, weights: int = MAX_WEIGHTS) -> TimmEncoder:
    """The network of a spec, with random weights.

    Args:
        spec: what it is.
        weights: how many numbers the file holds that it will be filled from; what needs more is refused before any memory is
            taken.

    Raises:
        InvalidInputError: when timm has no such network, or it needs more weights.
        ConflictError: when timm is not installed.
    """
    architecture, arguments = spec.architecture.removeprefix(PREFIX), parsed_arguments(spec.arguments)
    check_size(architecture, arguments, weights)
    return TimmEncoder(new_model(architecture, arguments), spec).eval()


def check_size(architecture: str, arguments: Mapping[str, Any], weights: int) -> bool:
    """Refuses a network of more than ``weights`` numbers before any memory is taken.

    Returns:
        whether the network takes images of one size only.

    Raises:
        InvalidInputError: when it has more, or there is no such network.
    """
    with torch.device("meta"):
        model: Any = new_model(architecture, arguments)
    needed = sum(parameter.numel() for parameter in model.parameters())
    if needed > weights:
        raise InvalidInputError(
            f"its configuration describes {needed} weights, but its file holds {weights}; they do not belong together"
        )
    return bool(model.pretrained_cfg.get("fixed_input_size"))


def new_model(architecture: str, arguments: Mapping[str, Any], **more: Any) -> nn.Module:
    """A model of timm without its classifier, on the default device.

    Args:
        architecture: its name.
        arguments: checked ones.
        more: for timm itself.

    Raises:
        InvalidInputError: when it is not possible.
        ConflictError: when timm is not installed.
    """
    name = checked_architecture(architecture)
    try:
        model: nn.Module = library().create_model(name, num_classes=0, **arguments, **{"pretrained": False, **more})
    except ActiveLabelerError:
        raise
    except Exception as error:  # strange arguments and weights raise anything
        reason = " ".join(str(error).split())[:240]
        raise InvalidInputError(f"timm makes no {name} of it: {reason} ({type(error).__name__})") from error
    return model
