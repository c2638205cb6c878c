"""The number format of the forward pass, on every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from protos.errors import InvalidInputError
from services.common.encoders.spec import EncoderSpec, OnnxSpec

PRECISIONS = ("fp32", "bf16", "fp16")
_TYPES = {"fp32": torch.bfloat16, "bf16": torch.bfloat16, "fp16": torch.float16}  # of autocast, which fp32 leaves off


def check_precision(precision: str) -> str:
    """``precision`` in its canonical spelling; "" stands for fp32.

    Raises:
        InvalidInputError: for another one.
    """
    name = precision.strip().lower() or "fp32"
    if name not in PRECISIONS:
        raise InvalidInputError(
            f"precision {precision!r} is not known; it takes {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        )
    return name


def check_suits(precision: str, spec: EncoderSpec, by_openvino: bool = False) -> None:
    """Refuses another number format than that of the file, for an encoder that came as ONNX, and fp16 for OpenVINO.

    Raises:
        InvalidInputError: with the remedy.
    """
    if isinstance(spec, OnnxSpec) and precision != "fp32":
        raise InvalidInputError(
            f"encoder.precision is {precision}, but an ONNX file is computed with the numbers that it was exported with; set it"
            " to fp32, or export the model with others"
        )
    if by_openvino and precision == "fp16":
        raise InvalidInputError(
            "the precision is fp16, which OpenVINO does not compute in on processors; set encoder.backend to torch"
        )


@contextmanager
def computing(device: torch.device, precision: str) -> Iterator[None]:
    """Inference alone, in ``precision``, by kernels that give the same bits each time."""
    with torch.inference_mode(), torch.autocast(device.type, _TYPES[precision], enabled=precision != "fp32"):
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
