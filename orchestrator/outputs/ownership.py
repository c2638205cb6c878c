"""Whose results lie in the output folder: a run replaces its own, and never those of another run or of nobody known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from orchestrator.outputs.files import replacing
from protos.errors import ConflictError
from services.common.artifacts import sha256_of_file

DATASET, MODEL = "final_dataset", "final_model.ckpt"
MARKER = ".active-labeler.json"  # within final_dataset
_MODEL_MARKER = f".{MODEL}.json"  # beside final_model.ckpt
_CHOICES = "move it away, or give another folder with --output; nothing was changed"


def check_outputs_free(output: Path, run: str) -> None:
    """Looks whether a run may write `final_dataset/` and `final_model.ckpt`, before it starts.

    Args:
        output: the folder that they are in.
        run: the name of the run; results of its own are no hindrance.

    Raises:
        ConflictError: when something there is not this run's, with the choices.
    """
    check_dataset_free(output / DATASET, run)
    check_model_free(output / MODEL, run)


def check_dataset_free(folder: Path, run: str) -> None:
    """The same for the curated set alone. An empty folder is free."""
    if not folder.is_symlink() and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        return
    owner = _owner(folder / MARKER)
    if owner is None or folder.is_symlink():
        raise ConflictError(f"{folder} is there already, and not from a run of Active Labeler: {_CHOICES}")
    if owner != run:
        raise ConflictError(f"{folder} is the result of another run ({owner}): {_CHOICES}")


def check_model_free(model: Path, run: str) -> None:
    """The same for the model alone."""
    if not model.exists() and not model.is_symlink():
        return
    marker = model.with_name(_MODEL_MARKER)
    owner = _owner(marker)
    if owner is None or not model.is_file() or sha256_of_file(model) not in _digests(marker):
        raise ConflictError(f"{model} is there already, and not from a run of Active Labeler: {_CHOICES}")
    if owner != run:
        raise ConflictError(f"{model} is the result of another run ({owner}): {_CHOICES}")


def marker_text(run: str) -> str:
    """What a marker file says about its owner."""
    return json.dumps({"run": run, "made by": "Active Labeler"}) + "\n"


def put_model(source: Path, output: Path, run: str) -> Path:
    """Copies a model to `final_model.ckpt` in the output folder, and marks it as this run's.

    Raises:
        ConflictError: when there is one that is not this run's.
        InvalidInputError, ExhaustedError: when it cannot be written.
    """
    model = output / MODEL
    check_model_free(model, run)
    marker = output / _MODEL_MARKER
    # Named before it is there, together with the one that it replaces: a kill in between leaves either of them known.
    known = [*_digests(marker)[-1:], sha256_of_file(source)]
    with replacing(marker) as scratch:
        scratch.write_text(json.dumps({"run": run, "sha256": known}) + "\n")
    with replacing(model) as scratch:
        shutil.copyfile(source, scratch)
    return model


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
