"""What a model file says about itself beside its weights, as JSON: in the metadata of safetensors and of ONNX."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.spec import EncoderSpec, fields_of, preprocessing_of, spec_of

KEY = "active_labeler_model"  # of the metadata entry
VERSION = 1
_LONGEST = 65536  # characters; ours has a few hundred


@dataclass(frozen=True)
class AboutModel:
    """A model without its weights.

    Attributes:
        encoder: architecture, length of the embedding and side of the images.
        head: kind, dim, hidden_dim and so on, as `HeadShape` takes them.
        positive_name: what the positive class is called.
        threshold: images are positive from this probability on; between 0 and 1.
    """

    encoder: EncoderSpec
    head: dict[str, Any]
    positive_name: str
    threshold: float

    def to_json(self) -> str:
        """JSON with sorted keys, so that equal models have equal bytes."""
        content = {
            "version": VERSION,
            **asdict(self),
            "encoder": fields_of(self.encoder),
            "preprocessing": preprocessing(self.encoder),
        }
        return json.dumps(content, sort_keys=True)

    @staticmethod
    def of_json(text: str, path: Path) -> AboutModel:
        """Reads what `to_json` wrote.

        Raises:
            InvalidInputError: when a later version wrote it.
            ValueError, KeyError, TypeError: when it is something else.
        """
        if len(text) > _LONGEST:
            raise ValueError(f"a description of {len(text)} characters")
        content = json.loads(text)
        if content["version"] != VERSION:
            raise InvalidInputError(
                f"{path} is a final model of version {content['version']}, this program reads {VERSION}"
            )
        try:
            encoder, threshold = spec_of(content["encoder"]), float(content["threshold"])
        except InvalidInputError as error:
            raise ValueError(str(error)) from error
        if not isinstance(encoder.image_size, int) or not 0 < threshold < 1:
            raise ValueError(f"an image size of {encoder.image_size!r} and a threshold of {threshold:g}")
        return AboutModel(encoder, dict(content["head"]), str(content["positive_name"]), threshold)


def about_or_damaged(text: str, path: Path) -> AboutModel:
    """What the metadata of the file ``path`` say.

    Raises:
        InvalidInputError: when a later version wrote it.
        DamagedError: when it is something else.
    """
    try:
        return AboutModel.of_json(text, path)
    except (ValueError, KeyError, TypeError) as error:
        reason = " ".join((str(error) or type(error).__name__).split())[:160]
        raise DamagedError(f"{path} is a damaged final model: {reason}; export it again") from error


_FILTERS = ("nearest", "Lanczos", "bilinear", "bicubic", "box", "Hamming")


def preprocessing(encoder: EncoderSpec) -> dict[str, Any]:
    """How an image becomes the network's input, for those who feed it themselves; what follows on that is in the network."""
    own = preprocessing_of(encoder)
    side = encoder.image_size
    kept = (
        f"the shorter side becomes {own.resize}, then the middle is cut out" if own.resize else "aspect ratio not kept"
    )
    return {
        "colour": f"RGB, 8 bits a channel, {'' if encoder.upright else 'not '}rotated by EXIF",
        "decode": encoder.decode,
        "resize": [side, side],
        "filter": f"{_FILTERS[own.resample]}, antialiased (Pillow), {kept}",
        "layout": "NCHW",
        "dtype": "float32",
        "range": [0, 255],
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
    }
