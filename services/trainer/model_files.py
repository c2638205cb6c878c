"""Any file of a final model -> the model; told by its content, not by its name."""

from __future__ import annotations

from pathlib import Path

from protos.errors import InvalidInputError, NotFoundError
from services.trainer.classifying import Classifier

_TORCH = (b"PK\x03\x04", b"\x80")  # a zip archive, and a bare pickle


def load(path: str | Path) -> Classifier:
    """Reads a final model: `.ckpt`, `.safetensors` or `.onnx`. Nothing in the file is run.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it is something else, made by a later version, or what reads it is not installed.
        DamagedError: when it says that it is one and is not whole.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"there is no file {path}; a run writes final_model.ckpt when it finishes")
    with file.open("rb") as opened:
        start = opened.read(9)
    # The length of a header comes first in safetensors: its lowest byte may look like the beginning of ONNX.
    is_safetensors = start[5:] == b"\0\0\0{"
    if not start.startswith(_TORCH) and not is_safetensors and (file.suffix.lower() == ".onnx" or start[:1] == b"\x08"):
        from services.trainer.onnx_model import load_onnx  # no PyTorch for this one

        return load_onnx(file)
    try:
        from services.trainer import final_model, safetensors_model
    except ImportError as error:
        raise InvalidInputError(
            f"{path} is read by PyTorch, which is not installed ({error.name}): `pip install 'active-labeler[trainer]'`,"
            " or export the model as ONNX"
        ) from error
    if is_safetensors or start[8:9] == b"{" or file.suffix.lower() == ".safetensors":
        return safetensors_model.load_safetensors(file)
    return final_model.load(file)
