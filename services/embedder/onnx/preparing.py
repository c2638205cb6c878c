"""What stands beside or within an ONNX file -> how images are prepared for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from protos.errors import InvalidInputError
from services.common.encoders.spec import MAX_IMAGE_SIZE, PLAIN, Preprocessing
from services.embedder.hub.preprocessing import preprocessing_of as hub_preprocessing

LIMIT = 1_000_000  # bytes of JSON
OWN_KEY, MODEL_KEY = "active_labeler_encoder", "active_labeler_model"  # entries of metadata that hold JSON of ours
_BYTES_TO_ONE = 1 / 255
_TAKES = ("image_size", "resize", "filter", "scale", "mean", "std", "bgr")
_OF_THE_HUB = ("image_mean", "image_processor_type", "feature_extractor_type", "do_normalize")


@dataclass(frozen=True)
class Prepared:
    """How images are prepared, and for which side of the square; 0: not said."""

    side: int
    images: Preprocessing


def prepared_by(data: bytes) -> Prepared:
    """What a JSON file says: ours, as in ``encoder.json``, whole or its ``preprocessing`` alone, or the hub's.

    Raises:
        InvalidInputError: when it is no JSON object, or says something that is not possible.
    """
    if len(data) > LIMIT:
        raise InvalidInputError(f"how images are prepared takes {len(data)} bytes of JSON, more than {LIMIT}")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"how images are prepared cannot be read as JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidInputError("how images are prepared is no JSON object")
    if any(name in fields for name in _OF_THE_HUB):
        return Prepared(*hub_preprocessing(fields))
    if isinstance(inner := fields.get("preprocessing"), dict):
        fields = {"image_size": fields.get("image_size", 0), **inner}
    return _ours(fields)


def prepared_within(metadata: Mapping[str, str]) -> Prepared | None:
    """What the metadata of a file say, where they are ours; None where they say nothing.

    Raises:
        InvalidInputError: when they cannot be read.
    """
    if text := metadata.get(OWN_KEY):
        return prepared_by(text.encode())
    if not (text := metadata.get(MODEL_KEY)):
        return None
    try:  # cut out of a final model: what normalises the images is within the graph
        encoder = json.loads(text)["encoder"]
        own = encoder.get("preprocessing", {})
        resize, resample = own.get("resize", PLAIN.resize), own.get("resample", PLAIN.resample)
        return Prepared(int(encoder["image_size"]), Preprocessing(resize, resample, PLAIN.scale, PLAIN.mean, PLAIN.std))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"its metadata {MODEL_KEY} cannot be read: {error}") from error


def _ours(fields: Mapping[str, Any]) -> Prepared:
    unknown = sorted(set(fields) - set(_TAKES))
    if unknown:
        raise InvalidInputError(f"how images are prepared has {str(unknown[0])[:80]!r}; it takes {', '.join(_TAKES)}")
    for name in ("mean", "std"):
        if name not in fields:
            raise InvalidInputError(
                f"how images are prepared has no {name}; give three numbers, for bytes as they are mean [0, 0, 0], std [1, 1, 1]"
                " and scale 1"
            )
    bgr = fields.get("bgr", False)
    if not isinstance(bgr, bool):
        raise InvalidInputError(f"how images are prepared has bgr {str(bgr)[:80]!r}; it takes true or false")
    return Prepared(
        _whole("image_size", fields.get("image_size", 0), MAX_IMAGE_SIZE),
        Preprocessing(
            _whole("resize", fields.get("resize", 0), 2 * MAX_IMAGE_SIZE),
            _filter(fields.get("filter", "bilinear")),
            _numbers("scale", [fields.get("scale", _BYTES_TO_ONE)], 1)[0],
            _colour("mean", fields["mean"]),
            _colour("std", fields["std"]),
            bgr,
        ),
    )


def _whole(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidInputError(f"how images are prepared has {name} {str(value)[:80]!r}; it takes pixels, 0 to {most}")
    return value


def _filter(value: Any) -> int:
    names = [filter_.name.lower() for filter_ in Image.Resampling]
    if not isinstance(value, str) or value.lower() not in names:
        raise InvalidInputError(f"how images are prepared has filter {str(value)[:80]!r}; it takes {', '.join(names)}")
    return int(Image.Resampling[value.upper()])


def _colour(name: str, value: Any) -> tuple[float, float, float]:
    red, green, blue = _numbers(name, value, 3)
    return red, green, blue


def _numbers(name: str, value: Any, count: int) -> list[float]:
    good = isinstance(value, list) and len(value) == count
    if not good or any(
        isinstance(one, bool) or not isinstance(one, int | float) or not abs(one) <= 1e6 for one in value
    ):
        raise InvalidInputError(
            f"how images are prepared has {name} {str(value)[:80]}; it takes {count} number{'s' * (count > 1)} up to a million"
        )
    return [float(one) for one in value]
