"""The configuration of a hub model: only what describes its shape is let through, nothing that names code or files."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from protos.errors import ConflictError, InvalidInputError

_MAX_NUMBER = 10_000_000
_MAX_LAYERS = 512
_CODE = ("auto_map", "custom_pipelines", "quantization_config")
_PARTS = ("text_config", "vision_config")


@dataclass(frozen=True)
class Family:
    """A model type of the hub.

    Attributes:
        config: name of its class of configurations in ``transformers``.
        model: name of its class of networks.
        pooled: where the embedding is: "projected" into the space of texts, "token" that stands for the image, or "pool".
        resizable: whether other image sizes must be asked for, as places are learned; the others take any.
    """

    config: str
    model: str
    pooled: str
    resizable: bool = False


FAMILIES = {
    "clip": Family("CLIPConfig", "CLIPModel", "projected", resizable=True),
    "siglip": Family("SiglipConfig", "SiglipModel", "projected", resizable=True),
    "vit": Family("ViTConfig", "ViTModel", "token", resizable=True),
    "dinov2": Family("Dinov2Config", "Dinov2Model", "token"),
    "dinov2_with_registers": Family("Dinov2WithRegistersConfig", "Dinov2WithRegistersModel", "token"),
    "dinov3_vit": Family("DINOv3ViTConfig", "DINOv3ViTModel", "token"),
    "dinov3_convnext": Family("DINOv3ConvNextConfig", "DINOv3ConvNextModel", "pool"),
    "convnext": Family("ConvNextConfig", "ConvNextModel", "pool"),
    "convnextv2": Family("ConvNextV2Config", "ConvNextV2Model", "pool"),
    "resnet": Family("ResNetConfig", "ResNetModel", "pool"),
}


def family_of(model_type: object) -> Family:
    """What is known of a model type.

    Raises:
        InvalidInputError: when it is none of ours.
    """
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise InvalidInputError(f"its model type {model_type!r} is not known; it takes {', '.join(FAMILIES)}")
    return FAMILIES[model_type]


def library() -> Any:
    """The package ``transformers``, told to keep quiet.

    Raises:
        ConflictError: when it is not installed.
    """
    try:
        transformers: Any = import_module("transformers")  # slow to import, and not everybody has it
    except ImportError as error:
        raise ConflictError(
            f"encoders of the hub need the package transformers ({error}); install active-labeler[hub] where the embedder"
            " and the trainer run"
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration that describe the network's shape, and ``model_type``.

    Raises:
        InvalidInputError: when the configuration asks for code of its own, is of an unknown type, or has impossible numbers.
        ConflictError: when transformers is not installed.
    """
    for name in _CODE:
        if fields.get(name):
            raise InvalidInputError(
                f"its configuration has {name!r}, and nothing that a model brings along is run; give a plain one"
            )
    family = family_of(fields.get("model_type"))
    return {"model_type": fields["model_type"], **_kept(getattr(library(), family.config), fields)}


def config_of(fields: Mapping[str, Any]) -> Any:
    """The configuration as ``transformers`` wants it.

    Raises:
        InvalidInputError: when it is not possible.
        ConflictError: when transformers is not installed.
    """
    known = checked(fields)
    try:
        return getattr(library(), family_of(known["model_type"]).config).from_dict(known)
    except Exception as error:  # a strange configuration raises anything
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"its configuration is not possible: {reason} ({type(error).__name__})") from error


def _kept(kind: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for base in kind.__mro__ for name in _own_fields(base) if name in fields]
    kept = {name: _checked_value(name, fields[name]) for name in names if name not in _PARTS}
    for name, part in getattr(kind, "sub_configs", {}).items():
        inner = {**(fields.get(name) or {}), **(fields.get(f"{name}_dict") or {})}  # as early CLIP models have it
        kept[name] = _kept(part, inner)
    return kept


def _own_fields(kind: Any) -> list[str]:
    if kind.__name__ in ("PreTrainedConfig", "BackboneConfigMixin", "object") or "Mixin" in kind.__name__:
        return []
    return [name for name in inspect.get_annotations(kind) if not name.startswith("_")]


def _checked_value(name: str, value: Any) -> Any:
    """Numbers, words, and lists of numbers; no number that would take minutes or all memory."""
    values = value if isinstance(value, list) else [value]
    numbers = [number for number in values if isinstance(number, int | float)]
    if len(values) > 100 or not all(isinstance(one, int | float | str | None) for one in values):
        raise InvalidInputError(
            f"its configuration has {name} = {str(value)[:80]}, which is no number, word or short list"
        )
    layers = "layers" in name or name in ("depths", "num_stages")
    most = _MAX_LAYERS if layers else _MAX_NUMBER
    if (sum(numbers) if layers else max(map(abs, numbers), default=0)) > most:
        raise InvalidInputError(f"its configuration has {name} = {str(value)[:80]}, more than {most}; is it damaged?")
    return value
