"""The files of a model's folder, read as data: JSON, and tensors from safetensors."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from protos.errors import InvalidInputError

_SHARD = re.compile(r"[\w.-]+\.safetensors", re.ASCII)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
LIMIT_JSON = 100_000_000


class ModelFolder:
    """A folder in the hub's format.

    Args:
        path: of the folder.

    Raises:
        InvalidInputError: when its configuration or weights are not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = self.read_json("config.json")
        if self.config is None:
            raise InvalidInputError("it has no config.json; give the folder of a model in the hub's format")
        self.weight_files = self._weight_files()

    def read_json(self, name: str) -> dict[str, Any] | None:
        """What a JSON file holds; None where there is no such file.

        Raises:
            InvalidInputError: when it is no JSON object, or too large.
        """
        data = self.read(name)
        if data is None:
            return None
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"its {name} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise InvalidInputError(f"its {name} holds no JSON object")
        return content

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none.

        Raises:
            InvalidInputError: when it cannot be read or is too large.
        """
        file = self.path / name
        try:
            if not file.is_file():
                return None
            if file.stat().st_size > LIMIT_JSON:
                raise InvalidInputError(f"its {name} has more than {LIMIT_JSON} bytes")
            return file.read_bytes()
        except OSError as error:
            raise InvalidInputError(f"its {name} cannot be read: {error.strerror}") from error

    def digest(self, names: tuple[str, ...]) -> str:
        """SHA-256 of the weights and of the named files."""
        whole = hashlib.sha256()
        for name in names:
            whole.update(hashlib.sha256(self.read(name) or b"").digest())
        for path in self.weight_files:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    def tensors(self) -> dict[str, torch.Tensor]:
        """All weights, by name.

        Raises:
            InvalidInputError: when a file is damaged.
        """
        tensors: dict[str, torch.Tensor] = {}
        for path in self.weight_files:
            try:
                with safe_open(path, framework="pt", device="cpu") as file:
                    tensors.update({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a dict
            except (SafetensorError, OSError, ValueError) as error:
                raise InvalidInputError(f"its {path.name} is damaged: {error}; download it again") from error
        return tensors

    def _weight_files(self) -> list[Path]:
        one = self.path / "model.safetensors"
        if one.is_file():
            return [one]
        names = (self.read_json("model.safetensors.index.json") or {}).get("weight_map")
        if names is None:
            raise InvalidInputError(self._no_weights())
        if not isinstance(names, dict) or not all(isinstance(n, str) and _SHARD.fullmatch(n) for n in names.values()):
            raise InvalidInputError(
                "its model.safetensors.index.json names files that are no safetensors of this folder"
            )
        files = [self.path / name for name in sorted(set(names.values()))]
        absent = [file.name for file in files if not file.is_file()]
        if absent or not files:
            raise InvalidInputError(
                f"its weights are not whole: {absent[0] if absent else 'no file'} is missing; download it again"
            )
        return files

    def _no_weights(self) -> str:
        pickles = sorted(path.name for pattern in _PICKLES for path in self.path.glob(pattern))
        if pickles:
            return f"its weights are in {pickles[0]}, which can hold programs; give a model that has model.safetensors"
        return "it has no model.safetensors"
