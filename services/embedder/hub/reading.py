"""A model's folder -> an encoder."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from protos.errors import ActiveLabelerError, InvalidInputError
from services.common.encoders.hub import HubEncoder, check_size, model_class, model_options
from services.common.encoders.hub_config import checked, config_of, family_of
from services.common.encoders.spec import HubSpec, TimmSpec, resized
from services.embedder.found import Found
from services.embedder.hub.folder import ModelFolder
from services.embedder.hub.phrases import text_input
from services.embedder.hub.places import folder_of
from services.embedder.hub.preprocessing import preprocessing_of
from services.embedder.hub.timm_models import is_timm, read_timm

_NAMED_BY = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


@dataclass(frozen=True)
class HubModel:
    """A model whose files are on this machine.

    Attributes:
        name: as the user knows it.
        folder: with its files.
        digest: SHA-256 of what matters in them.
    """

    name: str
    folder: ModelFolder
    digest: str


def find_model(name: str) -> HubModel:
    """The model of a name at the hub, or of a local folder.

    Raises:
        NotFoundError: when it cannot be had.
        InvalidInputError: when it is no model that is understood.
    """
    path = folder_of(name)
    try:
        folder = ModelFolder(path)
        return HubModel(name, folder, folder.digest(_NAMED_BY))
    except ActiveLabelerError as error:
        raise _named(name, error) from error


def read_model(model: HubModel, image_size: int) -> tuple[nn.Module, HubSpec | TimmSpec, Found]:
    """The network, what it is, and what was found in words. It wants images upright, as the library opens them.

    Args:
        model: whose files are here.
        image_size: side of its input in pixels; 0: its own.

    Raises:
        InvalidInputError: when it is no model that is understood, its files do not belong together, or it does not take the size.
        ConflictError: when ``transformers`` or ``timm``, whichever builds it, is not installed.
    """
    try:
        read = read_timm if is_timm(model.folder.config) else _read
        network, spec, found = read(model.folder, image_size)
        return network, replace(spec, upright=True), found
    except ActiveLabelerError as error:
        raise _named(model.name, error) from error


def _named(name: str, error: ActiveLabelerError) -> ActiveLabelerError:
    return type(error)(f"the model {name} cannot be used: {error}")


def _read(folder: ModelFolder, image_size: int) -> tuple[nn.Module, HubSpec, Found]:
    fields = checked(folder.config or {})
    family, config = family_of(fields["model_type"]), config_of(fields)
    side, preprocessing = preprocessing_of(_preprocessor(folder))
    text = text_input(folder, config, family)
    own = HubSpec(fields["model_type"], 1, side, json.dumps(fields, sort_keys=True), preprocessing, text)
    spec = resized(own, image_size)
    assert isinstance(spec, HubSpec)
    network = HubEncoder(_weighted(fields, config, folder.tensors()), spec)
    if text is not None:
        network.get_buffer("tokenizer").copy_(
            torch.frombuffer(bytearray(folder.read("tokenizer.json") or b""), dtype=torch.uint8)
        )
    network.eval()
    return network, replace(spec, dim=_dim(network, spec.image_size)), _found(spec)


def _preprocessor(folder: ModelFolder) -> dict[str, Any]:
    plain, joint = folder.read_json("preprocessor_config.json"), folder.read_json("processor_config.json") or {}
    fields = plain or joint.get("image_processor")
    if not isinstance(fields, dict):
        raise InvalidInputError("it has no preprocessor_config.json, which says how images are prepared")
    return fields


def _weighted(fields: dict[str, Any], config: Any, tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The model with its weights. The library only renames tensors here: it gets no folder, and so reads no other file."""
    check_size(fields, sum(tensor.numel() for tensor in tensors.values()))  # before any memory is taken
    try:
        model, about = model_class(fields).from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # we look ourselves, and say which
            trust_remote_code=False,
            local_files_only=True,
            **model_options(fields),
        )
    except Exception as error:  # tensors of other shapes or kinds raise many things
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(
            f"its weights are not those of its configuration: {reason} ({type(error).__name__})"
        ) from error
    for name, theirs, ours in sorted(about["mismatched_keys"]):
        raise InvalidInputError(
            f"its weights are not those of its configuration: {name} is {tuple(theirs)}, not {tuple(ours)}"
        )
    absent = sorted(about["missing_keys"])
    if absent:
        raise InvalidInputError(f"its weights are not whole: {len(absent)} tensors are missing, {absent[0]} among them")
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise InvalidInputError("its weights hold numbers that are not finite; download it again")
    return model  # type: ignore[no-any-return]


def _dim(network: nn.Module, side: int) -> int:
    """Length of an embedding, from one black image; not every model takes every size."""
    try:
        with torch.inference_mode():
            return int(network(torch.zeros(1, 3, side, side)).shape[1])
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(
            f"it does not take images of {side} x {side} pixels ({reason}); set another image_size"
        ) from error


def _found(spec: HubSpec) -> Found:
    phrases = ", which understands phrases" if spec.text is not None else ""
    return Found(f"Hub model of type {spec.architecture}{phrases}", "folder of the hub")
