"""Whose results lie in the output folder: a run replaces its own, and never those of another run or of nobody known."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from orchestrator.outputs.files import replacing, telling_what_failed
from protos.errors import ConflictError
from services.common.artifacts import sha256_of_file

DATASET, MODEL = "final_dataset", "final_model.ckpt"
CKPT = "ckpt"
MODEL_KINDS = (CKPT, "safetensors", "onnx")
MARKER = ".active-labeler.json"  # within a folder of results; beside a file, its name is the marker's, too
_CHOICES = "move it away, or give another folder with --output; nothing was changed"


def check_outputs_free(output: Path, run: str) -> None:
    """Looks whether a run may write `final_dataset/` and `final_model.ckpt`, before it starts.

    Args:
        output: the folder that they are in.
        run: the name of the run; results of its own are no hindrance.

    Raises:
        ConflictError: when something there is not this run's, with the choices.
    """
    check_folder_free(output / DATASET, run)
    check_file_free(output / MODEL, run)


def check_folder_free(folder: Path, run: str) -> None:
    """The same for one folder of results. An empty folder is free."""
    if not folder.is_symlink() and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        return
    owner = _owner(folder / MARKER)
    if owner is None or folder.is_symlink():
        raise ConflictError(f"{folder} is there already, and not from a run of Active Labeler: {_CHOICES}")
    if owner != run:
        raise ConflictError(f"{folder} is the result of another run ({owner}): {_CHOICES}")


def check_file_free(file: Path, run: str) -> None:
    """The same for one file."""
    if not file.exists() and not file.is_symlink():
        return
    marker = _marker_of(file)
    owner = _owner(marker)
    if owner is None or not file.is_file() or sha256_of_file(file) not in _digests(marker):
        raise ConflictError(f"{file} is there already, and not from a run of Active Labeler: {_CHOICES}")
    if owner != run:
        raise ConflictError(f"{file} is the result of another run ({owner}): {_CHOICES}")


def model_name(kind: str) -> str:
    """The name of a model's file of one of `MODEL_KINDS`."""
    return f"final_model.{kind}"


def marker_text(run: str) -> str:
    """What a marker file says about its owner."""
    return json.dumps({"run": run, "made by": "Active Labeler"}) + "\n"


def put_model(source: Path, output: Path, run: str, name: str = MODEL) -> Path:
    """Copies a model to `final_model.ckpt` (or another ``name``) in the output folder, and marks it as this run's.

    Raises:
        ConflictError: when there is one that is not this run's.
        InvalidInputError, ExhaustedError: when it cannot be written.
    """
    return put_file(output / name, run, lambda scratch: shutil.copyfile(source, scratch))


def put_file(file: Path, run: str, write: Callable[[Path], object]) -> Path:
    """Puts what ``write`` writes to the path that it is given in the place of ``file``, and marks it as this run's.

    Raises:
        ConflictError: when there is a file that is not this run's.
        InvalidInputError, ExhaustedError: when it cannot be written.
    """
    check_file_free(file, run)
    made = file.with_name(f".{file.name}.{os.getpid()}.made")
    with telling_what_failed(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(made)
            _mark(file, run, sha256_of_file(made))
            made.replace(file)
        finally:
            made.unlink(missing_ok=True)
    return file


def _mark(file: Path, run: str, digest: str) -> None:
    """Names a file before it is there, together with the one that it replaces: a kill in between leaves either known."""
    marker = _marker_of(file)
    known = [*_digests(marker)[-1:], digest]
    with replacing(marker) as scratch:
        scratch.write_text(json.dumps({"run": run, "sha256": known}) + "\n")


def _marker_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.json")


def _owner(marker: Path) -> str | None:
    try:
        return str(json.loads(marker.read_bytes())["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digests(marker: Path) -> list[str]:
    try:
        return [str(digest) for digest in json.loads(marker.read_bytes())["sha256"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
