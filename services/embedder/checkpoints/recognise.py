"""Which encoder some named tensors are: told by names and shapes alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from protos.errors import InvalidInputError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import RESNETS
from services.embedder.checkpoints.tensors import StoredTensor

# Where the same weights are stored several times, the first of these is taken.
_PREFIXES = ("encoder.", "online_network.encoder.", "encoder_weights.", "model.encoder.", "model.", "module.", "")
_SHOWN = 6
_Shape = tuple[int, ...]


@dataclass(frozen=True)
class Recognised:
    """An encoder in a checkpoint.

    Attributes:
        architecture: "resnet18", "resnet50" or "minicnnN".
        dim: length of an embedding.
        prefix: what its tensors' names begin with.
        weights: its tensors that are not read yet, by the names of our network.
        others: how many tensors of the file are none of its weights.
    """

    architecture: str
    dim: int
    prefix: str
    weights: dict[str, StoredTensor]
    others: int


def recognise(tensors: dict[str, StoredTensor]) -> Recognised:
    """The encoder among the tensors of a checkpoint.

    Raises:
        InvalidInputError: when there is none that is known, with what was seen.
    """
    prefixes = [name.removesuffix(_TELL) for name in tensors if name == _TELL or name.endswith(f".{_TELL}")]
    near: list[str] = []
    for prefix in sorted(prefixes, key=_preference):
        inner = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        architecture, dim = _guess(inner)
        if not architecture:
            continue
        problem = _difference(architecture, dim, inner)
        if not problem:
            weights = {name: inner[name] for name in _shapes(architecture, dim) if name in inner}
            return Recognised(architecture, dim, prefix, weights, len(tensors) - len(weights))
        near.append(f"the tensors under {prefix or 'no prefix'!r} look like {architecture}, but {problem}")
    raise InvalidInputError(f"{near[0]}; {_summary(tensors)}" if near else _summary(tensors))


_TELL = "conv1.weight"


def _preference(prefix: str) -> tuple[int, str]:
    return (_PREFIXES.index(prefix) if prefix in _PREFIXES else len(_PREFIXES), prefix)


def _guess(inner: dict[str, StoredTensor]) -> tuple[str, int]:
    if "conv4.weight" in inner and "fc1.weight" in inner:
        dim = inner["fc1.weight"].shape[0] if inner["fc1.weight"].shape else 0
        return (f"minicnn{dim}", dim) if 0 < dim <= 1 << 20 else ("", 0)
    if "layer1.0.conv1.weight" in inner:
        name = "resnet50" if "layer1.0.conv3.weight" in inner else "resnet18"
        return name, RESNETS[name]
    return "", 0


def _shapes(architecture: str, dim: int) -> dict[str, _Shape]:
    with torch.device("meta"):
        return {name: tuple(t.shape) for name, t in build_network(architecture, dim).state_dict().items()}


def _difference(architecture: str, dim: int, inner: dict[str, StoredTensor]) -> str:
    expected = _shapes(architecture, dim)
    for name, shape in expected.items():
        if name not in inner and not name.endswith("num_batches_tracked"):
            return f"{name} is missing"
        if name in inner and inner[name].shape != shape:
            return f"{name} has the shape {list(inner[name].shape)} where {list(shape)} is expected"
    roots = tuple({f"{name.split('.')[0]}." for name in expected})
    extra = next((name for name in inner if name not in expected and name.startswith(roots)), "")
    return f"it has {extra}, too" if extra else ""


def _summary(tensors: dict[str, StoredTensor]) -> str:
    if not tensors:
        return "it holds no tensors that could be weights"
    shown = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in list(tensors.items())[:_SHOWN])
    more = f" and {len(tensors) - _SHOWN} more" if len(tensors) > _SHOWN else ""
    return f"it holds {shown}{more}"


def read_weights(recognised: Recognised) -> dict[str, Tensor]:
    """The state dict of our network: float32 weights and int64 counters.

    Raises:
        InvalidInputError: when numbers are missing in the file, or one of them is not finite.
    """
    with torch.device("meta"):
        complete = build_network(recognised.architecture, recognised.dim).state_dict()
    state: dict[str, Tensor] = {}
    for name, like in complete.items():
        tensor = recognised.weights[name].read() if name in recognised.weights else torch.zeros(like.shape)
        state[name] = tensor.to(like.dtype)
        if not torch.isfinite(state[name]).all():
            raise InvalidInputError(f"the weights {recognised.prefix}{name} are not all finite (NaN or infinity)")
    return state
