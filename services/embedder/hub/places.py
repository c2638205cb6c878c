"""The name of a model -> the folder with its files."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from protos.errors import InvalidInputError, NotFoundError
from services.common.encoders.hub_config import library
from services.common.encoders.timm_config import PREFIX
from services.common.encoders.timm_config import library as timm_library

log = logging.getLogger(__name__)

# All that is read of a model, wherever it comes from: no pickles, no code.
FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*.safetensors",
)
_PROBE_S = 10.0
_SHOWN = 200  # characters of a name in a sentence
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)
_FOLDER = "or download it elsewhere, and give the folder that it is in (with config.json and model.safetensors)"


def folder_of(model: str) -> Path:
    """The folder of a model: a local one as it is, another by way of the hub's cache.

    Args:
        model: a path, or a name at the hub such as "facebook/dinov2-small".

    Raises:
        NotFoundError: when there is no such folder, or the hub has no such model, does not give it, or cannot be reached.
        InvalidInputError: when it is no possible name.
        ConflictError: when ``transformers``, or ``timm`` for a model of timm, is not installed.
    """
    path, kind = _looked_at(model)
    if kind == "folder":
        return path
    if kind == "file":
        raise InvalidInputError(
            f"the model {model} is a file; give the folder that it is in, or a checkpoint as encoder.path"
        )
    if not _NAME.fullmatch(model) or ".." in model or "--" in model:
        raise NotFoundError(
            f"the folder {model[:_SHOWN]} is not on the embedder's machine, and no name at the hub;"
            " give one like facebook/dinov2-small"
        )
    timm_library() if model.startswith(PREFIX) else library()
    return _downloaded(model)


def _looked_at(model: str) -> tuple[Path, str]:
    """The path of that name and what is there; nothing where it is too long, or begins with the home of nobody."""
    try:
        path = Path(model).expanduser()
        return path, "folder" if path.is_dir() else "file" if path.is_file() else ""
    except (OSError, RuntimeError, ValueError):
        return Path(), ""


def _downloaded(model: str) -> Path:
    from huggingface_hub import errors, snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    silence = None
    try:
        silence = _silence_about(model)
        return Path(snapshot_download(model, allow_patterns=list(FILES), local_files_only=silence is not None))
    except errors.GatedRepoError as error:
        raise NotFoundError(
            f"the model {model} is for those who agreed to its terms; agree at the hub and set HF_TOKEN, {_FOLDER}"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NotFoundError(
            f"the hub has no model {model}, or keeps it private; look for its name, {_FOLDER}"
        ) from error
    except Exception as error:
        if silence is None or isinstance(silence, errors.HfHubHTTPError):
            raise NotFoundError(
                f"the hub does not give the model {model} ({_reason(silence or error)}); try again later, {_FOLDER}"
            ) from error
        raise NotFoundError(
            f"the model {model} is not in the hub's cache, and the hub cannot be reached ({_reason(silence)}); try again with a"
            f" network, {_FOLDER}"
        ) from error


def _silence_about(model: str) -> Exception | None:
    """Why the hub does not answer within seconds, or is too busy or broken to; None where it does answer.

    A download has no such limit: a silent network would hold a run for minutes.

    Raises:
        Exception: the hub's own, when it answers that it does not give the model.
    """
    from huggingface_hub import HfApi, errors

    try:
        HfApi().model_info(model, timeout=_PROBE_S)
    except Exception as error:  # no network raises many things, by the way that it is not there
        if isinstance(error, errors.HfHubHTTPError) and not _is_trouble(error.response.status_code):
            raise
        log.info("the hub does not answer (%s); looking for %s in its cache", _reason(error), model)
        return error
    return None


def _is_trouble(status: int) -> bool:
    """Whether an answer is about the hub itself, and not about the model."""
    return status >= 500 or status == 429


def _reason(error: Any) -> str:
    first, _, _ = " ".join(str(error).split()).partition(". ")
    return f"{type(error).__name__}: {first[:240].rstrip('.')}"
