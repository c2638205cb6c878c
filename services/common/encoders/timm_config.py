"""What a model of timm is built with: a known architecture, and arguments that are numbers and words only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from protos.errors import ConflictError, InvalidInputError

PREFIX = "timm/"  # of an architecture's name in a spec
_NAME = re.compile(r"[a-z0-9_]{1,100}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.-]{0,60}", re.ASCII)
# What makes timm read files, fetch weights or build something else than one network; ours to say.
_NOT_GIVEN = (
    "checkpoint_path",
    "cache_dir",
    "features_only",
    "feature_cls",
    "feature_cfg",
    "out_indices",
    "model_cfg",
    "kwargs_filter",
    "pruned",
    "num_classes",
    "in_chans",
    "scriptable",
    "exportable",
    "no_jit",
    "device",
    "dtype",
)
_MOST_NUMBER = 100_000
_MOST_LAYERS = 512
_MOST_VALUES = 100


def library() -> Any:
    """The package ``timm``.

    Raises:
        ConflictError: when it, or torchvision which it needs, is not installed or does not fit PyTorch.
    """
    try:
        return import_module("timm")  # slow to import, and not everybody has it
    except Exception as error:  # a torchvision that was built for another PyTorch raises RuntimeError
        reason = " ".join(str(error).split())[:160]
        raise ConflictError(
            f"models of timm need the packages timm and torchvision ({reason}); install active-labeler[timm] where the embedder"
            " and the trainer run, torchvision for the same build of PyTorch"
        ) from error


def checked_architecture(name: object) -> str:
    """The name of an architecture that timm has.

    Raises:
        InvalidInputError: when it has none of that name.
        ConflictError: when timm is not installed.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not library().is_model(name):
        raise InvalidInputError(f"its architecture {str(name)[:80]!r} is none of timm's; is timm up to date?")
    return name


def checked_arguments(arguments: object) -> dict[str, Any]:
    """Arguments of an architecture without those that are ours to say.

    Raises:
        InvalidInputError: when one is no number, word or short list, or asks for files or other networks.
    """
    if not isinstance(arguments, Mapping):
        raise InvalidInputError(f"its model_args are {str(arguments)[:80]}, no JSON object")
    kept = {}
    for name, value in arguments.items():
        if name.startswith("pretrained") or not _NAME.fullmatch(name) or name in _NOT_GIVEN[:9]:
            raise InvalidInputError(f"its model_args have {name[:80]!r}, which is not for a model's file to say")
        if name not in _NOT_GIVEN:
            kept[name] = _checked(name, value)
    return kept


def parsed_arguments(text: str) -> dict[str, Any]:
    """Arguments from their JSON.

    Raises:
        InvalidInputError: when they are none.
    """
    try:
        return checked_arguments(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"its arguments cannot be read: {error}") from error


def _checked(name: str, value: Any) -> Any:
    values = list(_flat(value, 0))
    numbers = [abs(one) for one in values if isinstance(one, int | float)]
    words = [one for one in values if isinstance(one, str)]
    plain = all(isinstance(one, int | float | str | None) for one in values) and all(map(_WORD.fullmatch, words))
    if not plain or len(values) > _MOST_VALUES:
        raise InvalidInputError(
            f"its model_args have {name} = {str(value)[:80]}, which is no number, word or short list"
        )
    layers = "depth" in name or "layers" in name
    if not (sum(numbers) <= _MOST_LAYERS if layers else max(numbers, default=0) <= _MOST_NUMBER):
        raise InvalidInputError(f"its model_args have {name} = {str(value)[:80]}, which is too many; is it damaged?")
    return value


def _flat(value: Any, depth: int) -> list[Any]:
    if not isinstance(value, list) or depth > 2:
        return [value]
    return [one for part in value[: _MOST_VALUES + 1] for one in _flat(part, depth + 1)]
