"""Phrases -> vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.common.encoders.spec import HubSpec, TextInput
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import NOT_FINITE, ForwardPass, finite_rows
from services.embedder.hub.phrases import tokens_of


def embed_phrases(
    phrases: Sequence[str], encoder: LoadedEncoder, precision: str, forward: ForwardPass
) -> NDArray[np.float32]:
    """Vectors float32 [n, dim] of unit length of n phrases, in the space of the encoder's images.

    Each goes through the network alone: its vector does not depend on the others.

    Args:
        phrases: in the language that the encoder was trained with; what is too long for it is cut.
        encoder: on its device.
        precision: "fp32", "bf16" or "fp16".
        forward: the forward pass.

    Raises:
        InvalidInputError: when the encoder understands no text, or a phrase has no words.
        DamagedError: when the encoder's tokenizer cannot be read.
    """
    text = _text_of(encoder)
    vectors = np.zeros((len(phrases), encoder.spec.dim), dtype=np.float32)
    tokenizer = encoder.network.get_buffer("tokenizer").cpu().numpy().tobytes()
    for row, phrase in enumerate(phrases):
        vectors[row] = forward.start_text(encoder, tokens_of(phrase, text, tokenizer), precision).result()[0]
    for phrase, finite in zip(phrases, finite_rows(vectors), strict=True):
        if not finite:
            raise InvalidInputError(
                f"the phrase {phrase!r} cannot be used: {NOT_FINITE}; give another phrase or encoder"
            )
    return vectors


def _text_of(encoder: LoadedEncoder) -> TextInput:
    spec = encoder.spec
    if not isinstance(spec, HubSpec) or spec.text is None:
        raise InvalidInputError(
            f"the encoder {spec.architecture} does not understand phrases; give a reference image, or an encoder that does:"
            " a CLIP or SigLIP model with its tokenizer.json, as encoder.model"
        )
    return spec.text
