"""Encoders of the Hugging Face hub as networks like the others: float32 [n, 3, side, side], 0-255, to [n, dim]."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from protos.errors import InvalidInputError
from services.common.encoders.hub_config import Family, config_of, family_of, library
from services.common.encoders.normalising import NormalisedEncoder
from services.common.encoders.spec import HubSpec

MAX_WEIGHTS = 4_000_000_000


class HubEncoder(NormalisedEncoder):
    """A model of ``transformers`` with its normalisation in front, and its tokenizer where it understands text.

    Embeddings of CLIP-like models are projected into the space that they share with texts and have unit length, as their
    similarity is a cosine; of transformers, the token that stands for the whole image; of convolutional networks, the pool.

    Args:
        model: of ``transformers``.
        spec: what it is.
    """

    def __init__(self, model: nn.Module, spec: HubSpec) -> None:
        super().__init__(spec.preprocessing)
        self.model = model
        self.family = family_of(spec.architecture)
        self.options = {"interpolate_pos_encoding": True} if _is_resized(model, self.family, spec.image_size) else {}
        if spec.text is not None:  # bytes of its JSON, so that they travel wherever the weights do
            self.register_buffer("tokenizer", torch.zeros(spec.text.tokenizer_bytes, dtype=torch.uint8))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [n, dim]."""
        x = self.normalised(images)
        if self.family.pooled == "projected":
            found = self._part("get_image_features")(pixel_values=x, **self.options)
            return functional.normalize(found.pooler_output.float(), dim=1)
        found = self.model(pixel_values=x, **self.options)
        embeddings: Tensor = found.last_hidden_state[:, 0] if self.family.pooled == "token" else found.pooler_output
        return embeddings.flatten(1)

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """Embeddings [n, dim] of unit length of phrases int64 [n, length], each as its tokens."""
        found = self._part("get_text_features")(input_ids=tokens)
        return functional.normalize(found.pooler_output.float(), dim=1)

    def _part(self, name: str) -> Any:
        return getattr(self.model, name)


def build(spec: HubSpec, weights: int = MAX_WEIGHTS) -> HubEncoder:
    """The network of a hub encoder, with random weights.

    Args:
        spec: what it is.
        weights: how many numbers the file holds that it will be filled from; a configuration that needs more is refused before
            any memory is taken.

    Raises:
        InvalidInputError: when the configuration is not possible, or needs more weights.
        ConflictError: when ``transformers`` is not installed.
    """
    fields = _fields(spec)
    check_size(fields, weights)
    return HubEncoder(new_model(fields).eval(), spec)


def _fields(spec: HubSpec) -> dict[str, Any]:
    try:
        fields = json.loads(spec.config)
    except ValueError as error:
        raise InvalidInputError(f"its configuration cannot be read: {error}") from error
    if not isinstance(fields, dict) or fields.get("model_type") != spec.architecture:
        raise InvalidInputError(f"its configuration is not that of a model of type {spec.architecture}")
    return fields


def check_size(fields: dict[str, Any], weights: int) -> None:
    """Refuses a configuration of more than ``weights`` numbers before any memory is taken.

    Raises:
        InvalidInputError: when it has more.
    """
    with torch.device("meta"):
        needed = sum(parameter.numel() for parameter in new_model(fields).parameters())
    if needed > weights:
        raise InvalidInputError(
            f"its configuration describes {needed} weights, but its file holds {weights}; they do not belong together"
        )


def new_model(fields: dict[str, Any]) -> nn.Module:
    """The model of a configuration, on the default device."""
    config = config_of(fields)
    try:
        model: nn.Module = model_class(fields)(config, **model_options(fields))
    except Exception as error:  # a strange configuration raises anything
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"its configuration makes no network: {reason} ({type(error).__name__})") from error
    return model


def model_class(fields: dict[str, Any]) -> Any:
    """The class of ``transformers`` for a configuration."""
    return getattr(library(), family_of(fields.get("model_type")).model)


def model_options(fields: dict[str, Any]) -> dict[str, Any]:
    """What the class is told beside the configuration: a ViT's pooler is for classifiers, and most files have none."""
    return {"add_pooling_layer": False} if fields["model_type"] == "vit" else {}


def _is_resized(model: nn.Module, family: Family, image_size: int) -> bool:
    config: Any = model.config
    native = getattr(getattr(config, "vision_config", config), "image_size", image_size)
    return family.resizable and native != image_size
