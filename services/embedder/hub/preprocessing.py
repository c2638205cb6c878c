"""``preprocessor_config.json`` -> how images are prepared. The library's own classes need torchvision; we do it ourselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from protos.errors import InvalidInputError
from services.common.encoders.spec import MAX_IMAGE_SIZE, Preprocessing

Colour = tuple[float, float, float]
_BICUBIC, _BILINEAR = 3, 2
_SHORTER_SIDE = (
    "CLIP",
    "Bit",
    "ConvNext",
)  # a size that is one number means the shorter side to these, a square to others
_CROPPING = ("CLIP", "Bit")  # which cut out the middle unless told otherwise
_BILINEAR_KINDS = ("ViT", "DINOv3ViT")
_WARPED_FROM = 384  # ConvNext processors bring larger images to the square without cutting


def preprocessing_of(fields: Mapping[str, Any]) -> tuple[int, Preprocessing]:
    """The side of the input in pixels, and the rest.

    An image whose shorter side is brought to the wanted size and that is then not cut has no fixed shape, and a batch needs one:
    its middle square is taken.

    Raises:
        InvalidInputError: when something is asked for that is not done here, or makes no sense.
    """
    if "auto_map" in fields:
        raise InvalidInputError(
            "its preprocessor has 'auto_map', and nothing that a model brings along is run; give a plain one"
        )
    try:
        side, resize = _geometry(fields, _kind(fields))
        scale, mean, std = _colours(fields)
        return side, Preprocessing(
            resize, _resample(fields), scale, mean, std, bool(fields.get("do_flip_channel_order"))
        )
    except (TypeError, ValueError, KeyError, OverflowError, ZeroDivisionError) as error:
        raise InvalidInputError(
            f"its preprocessor_config.json makes no sense: {error} ({type(error).__name__})"
        ) from error


def _kind(fields: Mapping[str, Any]) -> str:
    name = str(fields.get("image_processor_type") or fields.get("feature_extractor_type") or "")
    for suffix in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        name = name.removesuffix(suffix)
    return name


def _geometry(fields: Mapping[str, Any], kind: str) -> tuple[int, int]:
    """The side of the square, and what the shorter side becomes before it is cut out; 0: not cut."""
    edge, square = _size(fields.get("size"), kind)
    if kind == "ConvNext":
        side = edge or square
        return side, int(side / float(fields.get("crop_pct") or 224 / 256)) if side < _WARPED_FROM else 0
    crops = bool(fields.get("do_center_crop", kind in _CROPPING))
    crop = _pixels(fields["crop_size"], "crop_size") if crops and "crop_size" in fields else edge or square
    if not fields.get("do_resize", True):
        return crop, 0
    if edge:
        return crop, edge
    if crop != square:
        raise InvalidInputError(
            f"its images become {square} x {square} pixels and are cut to {crop}, which is not done here"
        )
    return square, 0


def _size(size: Any, kind: str) -> tuple[int, int]:
    """The wanted shorter side, or the wanted square; the other is 0."""
    if isinstance(size, Mapping) and "shortest_edge" in size:
        return _pixels(size["shortest_edge"], "size"), 0
    pixels = _pixels(size, "size")
    return (pixels, 0) if not isinstance(size, Mapping) and kind in _SHORTER_SIDE else (0, pixels)


def _pixels(size: Any, name: str) -> int:
    if isinstance(size, Mapping):
        if set(size) != {"height", "width"} or size["height"] != size["width"]:
            raise InvalidInputError(f"its {name} is {dict(size)}, but only squares are embedded here")
        size = size["height"]
    if not isinstance(size, int) or not 0 < size <= MAX_IMAGE_SIZE:
        raise InvalidInputError(f"its {name} is {size!r}, not a number of pixels between 1 and {MAX_IMAGE_SIZE}")
    return size


def _resample(fields: Mapping[str, Any]) -> int:
    return int(fields.get("resample", _BILINEAR if _kind(fields) in _BILINEAR_KINDS else _BICUBIC))


def _colours(fields: Mapping[str, Any]) -> tuple[float, Colour, Colour]:
    scale = float(fields.get("rescale_factor", 1 / 255)) if fields.get("do_rescale", True) else 1.0
    if not fields.get("do_normalize", True):
        return scale, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    mean, std = _colour(fields["image_mean"]), _colour(fields["image_std"])
    if not all(math.isfinite(value) for value in mean):
        raise InvalidInputError(f"its image_mean is {mean}")
    return scale, mean, std


def _colour(values: Any) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
