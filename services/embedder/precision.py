"""The number format of the forward pass, on every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from protos.errors import InvalidInputError
from services.common.encoders.spec import EncoderSpec, OnnxSpec

PRECISIONS = ("fp32", "bf16")


def check_precision(precision: str) -> str:
    """``precision`` in its canonical spelling; "" stands for fp32.

    Raises:
        InvalidInputError: for another one.
    """
    name = precision.strip().lower() or "fp32"
    if name not in PRECISIONS:
        raise InvalidInputError(f"precision {precision!r} is not known; it takes {' or '.join(PRECISIONS)}")
    return name


def check_suits(precision: str, spec: EncoderSpec) -> None:
    """Refuses another number format than that of the file, for an encoder that came as ONNX.

    Raises:
        InvalidInputError: with the remedy.
    """
    if isinstance(spec, OnnxSpec) and precision != "fp32":
        raise InvalidInputError(
            f"encoder.precision is {precision}, but an ONNX file is computed with the numbers that it was exported with; set it"
            " to fp32, or export the model with others"
        )


@contextmanager
def computing(device: torch.device, precision: str) -> Iterator[None]:
    """Inference alone, in ``precision``, by kernels that give the same bits each time."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
