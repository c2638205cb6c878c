"""A folder of a timm model in the hub's format -> an encoder."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import nn

from protos.errors import InvalidInputError
from services.common.encoders.spec import MAX_IMAGE_SIZE, Preprocessing, TimmSpec, resized
from services.common.encoders.timm_config import (
    PREFIX,
    checked_architecture,
    checked_arguments,
    library,
    parsed_arguments,
)
from services.common.encoders.timm_network import TimmEncoder, check_size, new_model
from services.embedder.found import Found
from services.embedder.hub.folder import ModelFolder

_CROP = 0.875  # as timm has it where a model does not say
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_INTERPOLATIONS = {filter_.name.lower(): int(filter_) for filter_ in Image.Resampling} | {"random": 2}
_STATISTICS = ("running_mean", "running_var")
Tensors = dict[str, torch.Tensor]


def is_timm(config: Mapping[str, Any] | None) -> bool:
    """Whether a configuration is that of a model of timm."""
    return config is not None and "architecture" in config and config.get("model_type") in (None, "timm_wrapper")


def read_timm(folder: ModelFolder, image_size: int) -> tuple[TimmEncoder, TimmSpec, Found]:
    """The network, what it is, and what was found in words.

    Args:
        folder: of the model.
        image_size: side of its input in pixels; 0: its own.

    Raises:
        InvalidInputError: when it is no model that is understood, its files do not belong together, or it does not take the size.
        ConflictError: when timm is not installed.
    """
    library()
    config = folder.config or {}
    architecture = checked_architecture(config["architecture"])
    about = config.get("pretrained_cfg", config)  # early files have no group of their own
    if not isinstance(about, dict):
        raise InvalidInputError("its pretrained_cfg is no JSON object")
    side, preprocessing = prepared(about)
    arguments = json.dumps(checked_arguments(config.get("model_args") or {}), sort_keys=True)
    own = TimmSpec(f"{PREFIX}{architecture}", 1, side, arguments, preprocessing)
    tensors = folder.tensors()
    network, spec = loaded(own, tensors, image_size, _classifier(architecture, about))
    aside = len(tensors.keys() - network.model.state_dict().keys())
    return network, spec, Found(f"Model of timm: {architecture}", "folder of the hub", left_aside=aside)


def loaded(
    own: TimmSpec, tensors: Tensors, image_size: int, classifier: Mapping[str, Any]
) -> tuple[TimmEncoder, TimmSpec]:
    """The network with its weights, for another image size too: places that a model has learned are then read in between.

    Args:
        own: what it is, for its own size.
        tensors: its weights, by timm's names.
        image_size: wanted; 0: its own.
        classifier: what its file says of the classifier, which is left out.

    Raises:
        InvalidInputError: when the weights are not those of the network, or it does not take the size.
    """
    architecture, arguments = own.architecture.removeprefix(PREFIX), parsed_arguments(own.arguments)
    fixed = check_size(architecture, arguments, sum(tensor.numel() for tensor in tensors.values()))
    spec = resized(own, image_size)
    assert isinstance(spec, TimmSpec)
    weights = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise InvalidInputError("its weights hold numbers that are not finite; download it again")
    side = own.image_size
    source = {"architecture": architecture, "input_size": (3, side, side), "state_dict": weights, **classifier}
    model = None
    for size in dict.fromkeys((side, spec.image_size)):  # what is read in between can be compared with nothing
        if fixed or "img_size" in arguments:
            arguments["img_size"] = size
        elif model is not None:
            break
        try:
            model = new_model(architecture, arguments, pretrained=True, pretrained_cfg=source)
        except InvalidInputError as error:
            if size == side:
                raise
            raise InvalidInputError(
                f"it does not take images of {size} x {size} pixels, {error}; set another image_size"
            ) from error
        if size == side:
            _check_whole(model.float(), weights)
    assert model is not None
    network = TimmEncoder(model, spec).float().eval()
    return network, replace(spec, dim=_dim(network, spec.image_size), arguments=json.dumps(arguments, sort_keys=True))


def _check_whole(model: nn.Module, weights: Tensors) -> None:
    """Timm leaves weights as they were drawn where a file lacks them, and says nothing: each has to come from the file.

    Raises:
        InvalidInputError: with the first that does not.
    """
    state, learned = model.state_dict(), {name for name, _ in model.named_parameters()}
    digests: set[bytes] = set()
    for name, tensor in state.items():
        if not (name in learned or name.endswith(_STATISTICS)):
            continue  # worked out when it is built
        if name in weights and torch.equal(tensor, weights[name]):
            continue
        # Timm may have given it another name or shape.
        digests = digests or {_digest(one) for other, one in weights.items() if other not in state}
        if _digest(tensor) not in digests:
            raise InvalidInputError(f"its weights are not those of its configuration: they hold no {name}")


def _digest(tensor: torch.Tensor) -> bytes:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).digest()


def prepared(about: Mapping[str, Any]) -> tuple[int, Preprocessing]:
    """The side of the input in pixels, and the rest, as timm prepares images for a validation.

    Raises:
        InvalidInputError: when something is asked for that is not done here, or makes no sense.
    """
    try:
        side = _side(about.get("input_size") or [3, 224, 224])
        crop = float(about.get("crop_pct") or _CROP)
        if not 0.1 <= crop <= 1:
            raise InvalidInputError(f"its crop_pct is {crop:g}, not between 0.1 and 1")
        name = about.get("interpolation") or "bicubic"
        if name not in _INTERPOLATIONS:
            raise InvalidInputError(f"its interpolation is {str(name)[:80]!r}; it takes {', '.join(_INTERPOLATIONS)}")
        resize = _resize(about.get("crop_mode") or "center", side, math.floor(side / crop))
        mean, std = (_colour(about.get(key) or default) for key, default in (("mean", _MEAN), ("std", _STD)))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"how its images are prepared makes no sense: {error}") from error
    return side, Preprocessing(resize, _INTERPOLATIONS[name], 1 / 255, mean, std)


def _side(size: Any) -> int:
    channels, height, width = size
    if channels != 3 or height != width or type(height) is not int or not 0 < height <= MAX_IMAGE_SIZE:
        raise InvalidInputError(
            f"its input_size is {str(size)[:80]}, but only colour squares of up to {MAX_IMAGE_SIZE} pixels are embedded here"
        )
    return int(height)


def _resize(mode: str, side: int, scaled: int) -> int:
    if mode == "center":
        return scaled
    if mode == "squash" and scaled == side:
        return 0
    raise InvalidInputError(
        f"its images are cut by crop_mode {str(mode)[:80]!r} from {scaled} pixels, which is not done here"
    )


def _colour(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in (values if len(values) != 1 else list(values) * 3))
    if not all(map(math.isfinite, (red, green, blue))):
        raise ValueError(f"{values} are no colours")
    return red, green, blue


def _classifier(architecture: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """What timm is told of the classifier in a file: its name, so that it is left out."""
    usual = library().get_pretrained_cfg(architecture, allow_unregistered=True)
    names = about.get("classifier") or getattr(usual, "classifier", None)
    listed = [names] if isinstance(names, str) else list(names or ())
    if not all(isinstance(one, str) and 0 < len(one) < 100 for one in listed):
        return {}
    return {"classifier": tuple(listed), "num_classes": 1000}


def _dim(network: TimmEncoder, side: int) -> int:
    """Length of an embedding, from two black images; not every model takes every size."""
    try:
        with torch.inference_mode():
            vectors = network(torch.zeros(2, 3, side, side))
    except Exception as error:  # a model raises anything for a size that it does not take
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(
            f"it does not take images of {side} x {side} pixels ({reason}); set another image_size"
        ) from error
    if vectors.ndim != 2 or len(vectors) != 2:
        raise InvalidInputError(f"it gives {list(vectors.shape)} for two images, and no vector for each")
    return int(vectors.shape[1])
