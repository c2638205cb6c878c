"""The networks that an encoder can have, by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from protos.errors import InvalidInputError
from services.common.encoders.hog import HogColour
from services.common.encoders.minicnn import MiniCNN
from services.common.encoders.resnet import resnet18, resnet50

BUILTIN = {"hog": 64}  # encoders that need no file, with the side of their input in pixels
_FIXED: dict[str, tuple[int, Callable[[], nn.Module]]] = {
    "resnet18": (512, resnet18),
    "resnet50": (2048, resnet50),
    "hog": (HogColour.dim, HogColour),
}
ARCHITECTURES = (*_FIXED, "minicnn")
LARGEST_DIM = 65_536


def dim_of(architecture: str) -> int | None:
    """The embedding length that an architecture always has; None where it is free (miniCNN)."""
    return _FIXED[architecture][0] if architecture in _FIXED else None


def build_network(architecture: str, dim: int) -> nn.Module:
    """A network with fresh weights that maps float32 [n, 3, size, size] (0-255) to [n, dim].

    Args:
        architecture: "resnet18", "resnet50", "hog", or "minicnn" (also "minicnn128" and the like).
        dim: length of one embedding.

    Raises:
        InvalidInputError: for an unknown architecture, or a length that it does not have.
    """
    name = "minicnn" if architecture in ("minicnn", f"minicnn{dim}") else architecture
    if name not in ARCHITECTURES:
        raise InvalidInputError(f"there is no architecture {architecture!r}; there are {', '.join(ARCHITECTURES)}")
    own = dim_of(name)
    if own is not None and own != dim:
        raise InvalidInputError(f"{name} gives embeddings of {own}, not {dim}; set embedding_size to {own}")
    if not 1 <= dim <= LARGEST_DIM:
        raise InvalidInputError(f"an embedding length of {dim} is not between 1 and {LARGEST_DIM}")
    return MiniCNN(dim) if own is None else _FIXED[name][1]()
