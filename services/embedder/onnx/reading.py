"""An ONNX file -> an encoder."""

from __future__ import annotations

import torch

from protos.errors import InvalidInputError
from services.common.encoders.onnx_file import check_onnx
from services.common.encoders.onnx_network import OnnxEncoder
from services.common.encoders.onnx_session import runtime
from services.common.encoders.spec import ONNX, OnnxSpec, resized
from services.embedder.found import Found
from services.embedder.onnx.preparing import Prepared, prepared_by, prepared_within
from services.embedder.onnx.trying import tried

_NOT_SAID = (
    "nothing says how its images are prepared; put a JSON file of the same name beside it, for example"
    ' {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]} (those of ImageNet), or set encoder.mean and encoder.std'
)


def is_onnx(start: bytes, name: str) -> bool:
    """Whether a file is taken for ONNX: by its first byte, or its name where that is no other format's."""
    return start[:1] == b"\x08" or (name.lower().endswith(".onnx") and not start.startswith((b"PK\x03\x04", b"\x80")))


def read_onnx(data: bytes, preparation: bytes | None, image_size: int) -> tuple[OnnxEncoder, OnnxSpec, Found]:
    """The network, what it is, and what was found in words.

    Args:
        data: the file.
        preparation: JSON that says how images are prepared; None: what the file itself says.
        image_size: side of its input in pixels; 0: its own.

    Raises:
        InvalidInputError: when it is no encoder of images, has what is not run here, or nobody says how images are prepared.
        ConflictError: when onnxruntime is not installed.
    """
    runtime()
    seen = check_onnx(data)
    prepared = prepared_by(preparation) if preparation is not None else prepared_within(seen.metadata)
    if prepared is None:
        raise InvalidInputError(_NOT_SAID)
    network, spec = made(data, prepared, image_size)
    return network, spec, Found(f"ONNX file of {seen.operators} operators", "ONNX file", numbers=seen.numbers)


def made(data: bytes, prepared: Prepared, image_size: int) -> tuple[OnnxEncoder, OnnxSpec]:
    """The encoder of a file, tried; what is cut off stays the same share of the image.

    Raises:
        InvalidInputError: when it is no encoder of images.
    """
    about = tried(data, image_size or prepared.side)
    side = prepared.side or about.side
    own = OnnxSpec(ONNX, about.dim, side, len(data), about.batch, about.output, prepared.images)
    spec = resized(own, about.side)
    assert isinstance(spec, OnnxSpec)
    network = OnnxEncoder(spec)
    network.get_buffer("file").copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    return network.eval(), spec
