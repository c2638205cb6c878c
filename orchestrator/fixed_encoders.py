"""Encoders that cannot be fine-tuned: told before anything is computed, and where somebody asks for it all the same."""

from __future__ import annotations

from orchestrator.clients.refs import EncoderRef
from orchestrator.questions import FINE_TUNE
from orchestrator.settings import RunSettings
from protos.errors import InvalidInputError

_FIXED = ("onnx",)  # architectures


def is_fixed(settings: RunSettings, encoder: EncoderRef) -> bool:
    """Whether fine-tuning would have to train weights that cannot be; the head alone can always be."""
    return encoder.architecture in _FIXED and settings.fine_tune.train_encoder


def check_auto_choice(settings: RunSettings, encoder: EncoderRef) -> None:
    """Refuses settings that answer every round with fine-tuning.

    Raises:
        InvalidInputError: with what to set.
    """
    if settings.auto.enabled and settings.auto.choice == "fine_tune" and is_fixed(settings, encoder):
        raise InvalidInputError(
            "auto.choice is fine_tune, but an encoder that came as an ONNX file cannot be fine-tuned; leave --fine-tune out,"
            " or begin with the checkpoint that the file was exported from"
        )


def refusal(settings: RunSettings, encoder: EncoderRef, choice: str) -> str:
    """Why a choice cannot be, in a sentence; "" where it can.

    Raises:
        InvalidInputError: when the settings would choose it again and again.
    """
    if choice != FINE_TUNE or not is_fixed(settings, encoder):
        return ""
    check_auto_choice(settings, encoder)
    return "An encoder that came as an ONNX file cannot be fine-tuned; train the head instead"
