"""Tensors of a checkpoint: what the pickle says about them, and their numbers once they are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from protos.errors import InvalidInputError
from services.embedder.checkpoints.pickles import Global, Node

_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_WRAPPERS = {"_rebuild_parameter", "_rebuild_parameter_with_state"}
_MAX_DEPTH = 8


@dataclass(frozen=True, eq=False)
class Storage:
    """The numbers that several tensors may share.

    Attributes:
        kind: name of its class in the checkpoint.
        key: of the record that holds it.
        length: how many numbers it says it has.
        read: gives its bytes.
    """

    kind: str
    key: str
    length: int
    read: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that has not been read yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def read(self) -> Tensor:
        """Its numbers, as float32 or int64.

        Raises:
            InvalidInputError: when they are not there, or of a type that no encoder has.
        """
        dtype = _DTYPES.get(self.storage.kind)
        if dtype is None:
            raise InvalidInputError(f"numbers of type {self.storage.kind} are not read")
        data = self.storage.read()
        count = len(data) // dtype.itemsize
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        numbers = math.prod(self.shape)
        if numbers > count or (numbers and last >= count):
            raise InvalidInputError(f"a tensor of shape {list(self.shape)} has only {count} numbers in the file")
        if not numbers:
            return torch.zeros(self.shape)
        flat = torch.frombuffer(bytearray(data), dtype=dtype, count=count)
        tensor = flat.as_strided(self.shape, self.stride, self.offset)
        return tensor.to(torch.float32 if dtype.is_floating_point else torch.int64, copy=True).contiguous()


def storage_of(key: Any, read: Callable[[str], bytes]) -> Any:
    """The storage that a persistent id of torch names; other ids become inert nodes.

    Args:
        key: ("storage", class, name of the record, device, length, ...).
        read: gives the bytes of a record.
    """
    if isinstance(key, tuple) and len(key) >= 5 and key[0] == "storage" and isinstance(key[2], str | int):
        kind = key[1].name if isinstance(key[1], Global) else str(key[1])
        name = str(key[2])
        return Storage(kind, name, key[4] if isinstance(key[4], int) else 0, lambda: read(name))
    if isinstance(key, tuple) and len(key) >= 2 and key[0] == "module":  # old files keep the source beside the class
        return key[1]
    return Node("persistent", key)


def tensor_of(value: Any, depth: int = 0) -> StoredTensor | None:
    """The tensor that a node of a pickle stands for, or None where it stands for something else."""
    if not isinstance(value, Node) or not isinstance(value.made_by, Global) or depth > _MAX_DEPTH:
        return None
    made_by, args = value.made_by, value.args
    if not isinstance(args, tuple) or not made_by.module.startswith("torch"):
        return None
    if made_by.name in _WRAPPERS and args:
        return tensor_of(args[0], depth + 1)
    if made_by.name == "_rebuild_from_type_v2" and len(args) >= 3:  # (function, class, its arguments, state)
        return tensor_of(Node(args[0], args[2]), depth + 1)
    if made_by.name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3") and len(args) >= 4:
        return _stored(*args[:4])
    return None


def _stored(storage: Any, offset: Any, shape: Any, stride: Any) -> StoredTensor | None:
    numbers = (offset, *shape, *stride) if isinstance(shape, tuple) and isinstance(stride, tuple) else (None,)
    whole = all(isinstance(number, int) and 0 <= number < 2**40 for number in numbers)
    if not isinstance(storage, Storage) or not whole or len(shape) != len(stride):
        return None
    return StoredTensor(storage, offset, shape, stride)
