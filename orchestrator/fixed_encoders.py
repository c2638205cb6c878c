"""Encoders that cannot be fine-tuned: told before anything is computed, and where somebody asks for it all the same."""

from __future__ import annotations

from orchestrator.clients.refs import EncoderRef
from orchestrator.questions import FINE_TUNE
from orchestrator.settings import RunSettings
from protos.errors import InvalidInputError

_FIXED = ("onnx",)  # architectures
_WEIGHTLESS = "hog"


def is_fixed(settings: RunSettings, encoder: EncoderRef) -> bool:
    """Whether fine-tuning would have to train weights that cannot be; the head alone can always be."""
    return encoder.architecture in _FIXED and settings.fine_tune.train_encoder


def not_offered(settings: RunSettings, encoder: EncoderRef) -> str:
    """Why people are not offered to fine-tune an encoder, as part of a sentence; "" where they are.

    Without weights the head alone would learn, as after "train the head". Settings that choose it are taken at their word.
    """
    if not settings.fine_tune.train_encoder or (settings.auto.enabled and settings.auto.choice == "fine_tune"):
        return ""
    if encoder.architecture == _WEIGHTLESS:
        return f"the encoder {_WEIGHTLESS} has no weights to fine-tune"
    return "an encoder that came as an ONNX file cannot be fine-tuned" if is_fixed(settings, encoder) else ""


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
