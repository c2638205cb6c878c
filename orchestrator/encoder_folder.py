"""The folder that ``active-labeler encoder import`` writes, and that ``encoder.path`` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestrator.clients.refs import ArtifactRef
from orchestrator.one_service import bring
from protos.errors import InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore

WEIGHTS, ABOUT = "encoder.safetensors", "encoder.json"
ONNX = "model.onnx"  # as others name it in their folders
_PREPARATION = "preprocessor_config.json"  # of the hub


def encoder_file(path: Path) -> Path:
    """The file of an encoder: the path itself, or the weights in the folder that it names."""
    if not path.is_dir():
        return path
    return path / ONNX if (path / ONNX).is_file() and not (path / WEIGHTS).is_file() else path / WEIGHTS


def beside(file: Path) -> Path | None:
    """The JSON that says how images are prepared for an ONNX file: of its name, or of the hub's; None where there is none."""
    if file.suffix.lower() != ".onnx":
        return None
    return next((one for one in (file.with_suffix(".json"), file.with_name(_PREPARATION)) if one.is_file()), None)


def check_encoder(path: Path) -> None:
    """Looks whether there is an encoder.

    Raises:
        NotFoundError: when there is no such file, or the folder holds none.
    """
    if encoder_file(path).is_file():
        return
    if path.is_dir():
        raise NotFoundError(
            f"the folder {path} holds no {WEIGHTS} or {ONNX}; give one of `active-labeler encoder import`,"
            " a .safetensors, .ckpt, .pt or .onnx file, or a model folder of the hub as encoder.model"
        )
    raise NotFoundError(f"the encoder {path} does not exist; give a .safetensors, .ckpt, .pt or .onnx file")


def check_free(folder: Path) -> None:
    """Looks whether the folder may be written to: not there, empty, or of an earlier import.

    Raises:
        InvalidInputError: when something else is there.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InvalidInputError(f"--output {folder} is a file; name a folder")
    other = next((file.name for file in sorted(folder.iterdir()) if file.name not in (WEIGHTS, ABOUT)), None)
    if other is not None:
        raise InvalidInputError(f"--output {folder} holds other files ({other}); name a folder that is empty or new")


def write_folder(folder: Path, store: ArtifactStore, weights: ArtifactRef, about: dict[str, Any]) -> None:
    """Writes the weights as safetensors, and what they are as JSON, each whole or not at all."""
    bring(store, weights, folder / WEIGHTS)
    scratch = folder / f".{ABOUT}.new"
    scratch.write_text(json.dumps({"weights": WEIGHTS, "sha256": weights.sha256, **about}, indent=2) + "\n")
    scratch.replace(folder / ABOUT)
