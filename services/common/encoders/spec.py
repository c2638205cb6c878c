"""What an encoder is, without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from protos.errors import InvalidInputError

RESNETS = {"resnet18": 512, "resnet50": 2048}
MAX_IMAGE_SIZE = 4096
_MAX_RESIZE = 2 * MAX_IMAGE_SIZE
_MAX_TOKENIZER = 100_000_000
_MAX_TOKENS = 4096
LIMIT_ONNX = 2_000_000_000  # bytes of a file; what is larger keeps its weights in others
MAX_ONNX_BATCH = 1024
EXACT, SCALED = "exact", "scaled"
DECODES = (EXACT, SCALED)
_RESAMPLES = range(6)  # Pillow's numbers: nearest, Lanczos, bilinear, bicubic, box, Hamming


@dataclass(frozen=True)
class EncoderSpec:
    """An architecture with the shape of its input and output.

    Attributes:
        architecture: "resnet18", "resnet50", "hog", or "minicnn" with its dim, for example "minicnn64"; without it the dim is
            added.
        dim: length of one embedding.
        image_size: side of the square input, in pixels.
        decode: "exact", or "scaled": large JPEG files are decompressed at a part of their size.
        upright: whether images are rotated as EXIF says.
    """

    architecture: str
    dim: int
    image_size: int
    decode: str = field(default=EXACT, kw_only=True)
    upright: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if self.architecture == "minicnn":
            object.__setattr__(self, "architecture", f"minicnn{self.dim}")
        least = 8 if self.architecture.startswith("minicnn") else 1
        if not least <= self.image_size <= MAX_IMAGE_SIZE:
            raise InvalidInputError(f"image_size {self.image_size} is not between {least} and {MAX_IMAGE_SIZE} pixels")
        if self.decode not in DECODES or not isinstance(self.upright, bool):
            raise InvalidInputError(f"images cannot be read as decode {self.decode!r}, upright {self.upright!r}")


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input of a hub encoder, beside the side of the square.

    Attributes:
        resize: what the shorter side becomes before the square in the middle is cut out, in pixels; 0: the whole image is
            brought to the square, its aspect ratio is not kept.
        resample: the filter, by Pillow's number.
        scale: what bytes are multiplied with, then ``mean`` is subtracted, and divided by ``std``: for red, green, blue.
        bgr: whether the encoder wants blue first; ``mean`` and ``std`` are then in that order, too.
    """

    resize: int
    resample: int
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
            if len(getattr(self, name)) != 3:
                raise InvalidInputError(f"{name} has {len(getattr(self, name))} numbers, but colours are three")
        if not 0 <= self.resize <= _MAX_RESIZE or self.resample not in _RESAMPLES:
            raise InvalidInputError(
                f"a resize to {self.resize} pixels with filter {self.resample} is not possible; it takes 0 to {_MAX_RESIZE}"
                " pixels, and filters 0 to 5"
            )
        if not 0 < min(self.std) <= max(self.std) < float("inf") or not 0 < self.scale < float("inf"):
            raise InvalidInputError(f"images cannot be scaled by {self.scale:g} and divided by {self.std}")


@dataclass(frozen=True)
class TextInput:
    """How a phrase becomes the input of an encoder that understands text.

    Attributes:
        tokenizer_bytes: size of the tokenizer's JSON, which travels with the weights.
        length: most tokens of a phrase, with those that begin and end it; what is longer is cut.
        pad: token that phrases are filled up with to ``length``; -1: they are not.
        lower: whether capitals become small letters first.
        words_only: whether punctuation is left out first.
    """

    tokenizer_bytes: int
    length: int
    pad: int = -1
    lower: bool = False
    words_only: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.tokenizer_bytes <= _MAX_TOKENIZER or not 2 < self.length <= _MAX_TOKENS:
            raise InvalidInputError(
                f"a tokenizer of {self.tokenizer_bytes} bytes for phrases of {self.length} tokens is not possible; it takes up to"
                f" {_MAX_TOKENIZER} bytes, and 3 to {_MAX_TOKENS} tokens"
            )


@dataclass(frozen=True)
class HubSpec(EncoderSpec):
    """An encoder that ``transformers`` builds; ``architecture`` is the model type of its configuration, such as "clip".

    Attributes:
        config: the configuration, JSON with the fields that matter only.
        preprocessing: of images.
        text: of phrases; None where the encoder understands none.
    """

    config: str
    preprocessing: Preprocessing
    text: TextInput | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.preprocessing, self.image_size)


ONNX = "onnx"  # architecture of encoders that onnxruntime computes


@dataclass(frozen=True)
class OnnxSpec(EncoderSpec):
    """An encoder that onnxruntime computes; ``architecture`` is "onnx".

    Attributes:
        file_bytes: size of the ONNX file, which travels as a tensor.
        batch: images that it takes at once; 0: any number.
        output: name of the output that is the embedding.
        preprocessing: of images.
    """

    file_bytes: int
    batch: int
    output: str
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.preprocessing, self.image_size)
        if not 0 < self.file_bytes <= LIMIT_ONNX or not 0 <= self.batch <= MAX_ONNX_BATCH or self.dim < 1:
            raise InvalidInputError(
                f"an ONNX file of {self.file_bytes} bytes for {self.batch} images and {self.dim} numbers is not possible; it"
                f" takes up to {LIMIT_ONNX} bytes and {MAX_ONNX_BATCH} images"
            )


@dataclass(frozen=True)
class TimmSpec(EncoderSpec):
    """An encoder that ``timm`` builds; ``architecture`` is "timm/" and timm's name, such as "timm/resnet18".

    Attributes:
        arguments: of the architecture, JSON.
        preprocessing: of images.
    """

    arguments: str
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.preprocessing, self.image_size)


def _check_square(preprocessing: Preprocessing, side: int) -> None:
    if 0 < preprocessing.resize < side:
        raise InvalidInputError(
            f"images of {preprocessing.resize} pixels hold no square of {side}; the resize must be larger"
        )


PreparedSpec = HubSpec | OnnxSpec | TimmSpec  # those that say how images are prepared
PLAIN = Preprocessing(
    0, 2, 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
)  # bilinear, bytes as they are: of all that say nothing


def preprocessing_of(spec: EncoderSpec) -> Preprocessing:
    """How the images of an encoder are prepared, whether its spec says so or not."""
    return spec.preprocessing if isinstance(spec, PreparedSpec) else PLAIN


def fields_of(spec: EncoderSpec) -> dict[str, Any]:
    """A spec as plain values for JSON; how files are read is left out where it is the usual way, as earlier versions wrote it."""
    fields = asdict(spec)
    if fields["decode"] == EXACT:
        del fields["decode"]
    if not fields["upright"]:
        del fields["upright"]
    return fields


def spec_of(fields: Mapping[str, Any]) -> EncoderSpec:
    """The spec whose `fields_of` gave ``fields``, of whichever kind.

    Raises:
        TypeError: when fields are missing or too many.
        InvalidInputError: when a value is not possible.
    """
    if "preprocessing" not in fields:
        return EncoderSpec(**fields)
    images = Preprocessing(**fields["preprocessing"])
    if "file_bytes" in fields:
        return OnnxSpec(**{**fields, "preprocessing": images})
    if "arguments" in fields:
        return TimmSpec(**{**fields, "preprocessing": images})
    text = fields.get("text")
    return HubSpec(**{**fields, "preprocessing": images, "text": None if text is None else TextInput(**text)})


def resized(spec: EncoderSpec, image_size: int) -> EncoderSpec:
    """The same encoder for another side of its input, 0: as it is; what is cut off stays the same share of the image."""
    if image_size in (0, spec.image_size):
        return spec
    if not isinstance(spec, PreparedSpec):
        return replace(spec, image_size=image_size)
    resize = round(spec.preprocessing.resize * image_size / spec.image_size)
    return replace(spec, image_size=image_size, preprocessing=replace(spec.preprocessing, resize=resize))
