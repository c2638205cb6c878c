"""A final model in ONNX, run by onnxruntime; needs that, Pillow and NumPy, and no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import DamagedError, InvalidInputError
from services.trainer.about_model import KEY, AboutModel, about_or_damaged
from services.trainer.classifying import Classifier

_AT_ONCE = 64


class OnnxModel(Classifier):
    """Classifies images by a session of onnxruntime.

    Args:
        session: with an input ``images`` and an output ``probability``.
        about: what the file says about itself.
    """

    def __init__(self, session: Any, about: AboutModel) -> None:
        super().__init__(about.encoder, about.positive_name, about.threshold)
        self._session = session

    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities float32 [n] of prepared images uint8 [n, side, side, 3]."""
        parts = [self._batch(pixels[first : first + _AT_ONCE]) for first in range(0, len(pixels), _AT_ONCE)]
        return np.concatenate(parts)

    def _batch(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
        try:
            found = np.asarray(self._session.run(["probability"], {"images": images})[0], dtype=np.float32)
        except Exception as error:  # what a damaged graph can do
            raise DamagedError(f"the ONNX model fails: {_line(error)}; export it again") from error
        if found.shape != (len(pixels),):
            raise DamagedError(f"the ONNX model gives {found.shape} numbers for {len(pixels)} images; export it again")
        return found


def load_onnx(path: Path) -> OnnxModel:
    """Reads a model; a file can bring no code of its own, and no weights from other files.

    Raises:
        InvalidInputError: when it is no final model of this program, or onnxruntime is not installed.
        DamagedError: when it says that it is one and is not whole.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InvalidInputError(
            f"{path} is read by onnxruntime, which is not installed: `pip install 'active-labeler[onnx]'`"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is said in the sentence below
    try:
        content = path.read_bytes()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
    except Exception as error:  # garbage makes it raise anything
        raise InvalidInputError(
            f"{path} is no final model of this program, or damaged ({_line(error)}); export it again"
        ) from error
    if text is None:
        raise InvalidInputError(f"{path} is an ONNX file, but no final model of this program; export one from a run")
    return OnnxModel(session, _about(text, session, path))


def _about(text: str, session: Any, path: Path) -> AboutModel:
    about = about_or_damaged(text, path)
    side = about.encoder.image_size
    inputs = [(entry.name, entry.type, list(entry.shape[1:])) for entry in session.get_inputs()]
    outputs = [(entry.name, entry.type) for entry in session.get_outputs()]
    if inputs != [("images", "tensor(float)", [3, side, side])] or outputs != [("probability", "tensor(float)")]:
        raise DamagedError(f"{path} is a damaged final model: it takes {inputs} and gives {outputs}; export it again")
    return about


def _line(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:160]
