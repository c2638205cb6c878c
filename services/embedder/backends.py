"""Who computes the forward pass on a processor: PyTorch, or OpenVINO where it is installed and can."""

from __future__ import annotations

from protos.errors import InvalidInputError

TORCH, OPENVINO, AUTO = "torch", "openvino", "auto"
BACKENDS = (TORCH, OPENVINO, AUTO)
_VERSION = 1  # of how networks are given to OpenVINO


def check_backend(name: str) -> str:
    """``name`` in its canonical spelling; "" stands for torch.

    Raises:
        InvalidInputError: for another one.
    """
    plain = name.strip().lower() or TORCH
    if plain not in BACKENDS:
        raise InvalidInputError(f"backend {name!r} is not known; it takes {', '.join(BACKENDS)}")
    return plain


def part_of_name(backend: str) -> tuple[str, ...]:
    """What a back end adds to the name of a block: nothing when it is PyTorch."""
    return () if backend == TORCH else (f"{backend} {_VERSION}",)
