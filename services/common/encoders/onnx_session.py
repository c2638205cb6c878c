"""An ONNX file as a session of onnxruntime: on one processor thread, with the same bits each time. Knows no PyTorch."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import ConflictError, DamagedError, InvalidInputError
from services.common.encoders.onnx_file import check_onnx

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NO_MEMORY = ("bad_alloc", "failed to allocate", "not enough memory")


def runtime() -> Any:
    """The package ``onnxruntime``.

    Raises:
        ConflictError: when it is not installed.
    """
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise ConflictError(
            f"ONNX encoders need the package onnxruntime ({error}); install active-labeler[onnxruntime] where the embedder runs"
        ) from error


def open_session(data: bytes) -> Any:
    """A session of a file that was looked through; calls from several threads run side by side, each on its own thread.

    Raises:
        InvalidInputError: when the file has what is not run here, or onnxruntime does not take it.
        ConflictError: when onnxruntime is not installed.
    """
    ort = runtime()
    check_onnx(data)
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what is wrong is said in our sentences
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.load_model_format", "ONNX")  # never what else the bytes may be
    try:
        # Its fallback is the same processor once more, with words on standard output.
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # garbage makes it raise anything
        raise InvalidInputError(f"onnxruntime does not take it: {line_of(error)}") from error


def run_session(session: Any, output: str, images: NDArray[np.float32], batch: int) -> NDArray[np.float32]:
    """Embeddings float32 [n, dim] of prepared images float32 [n, 3, side, side].

    Args:
        session: as `open_session` gives it; one input.
        output: name of the output that is the embedding, [n, dim] or [n, dim, 1, 1].
        images: n at least 1.
        batch: images that the file takes at once; 0: any number. What is missing in the last batch are zeros.

    Raises:
        MemoryError: when memory does not suffice.
        DamagedError: when the graph fails, or gives something else.
    """
    name, size = session.get_inputs()[0].name, batch or len(images)
    parts = []
    for first in range(0, len(images), size):
        part = images[first : first + size]
        whole = (
            np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])
            if len(part) < size
            else part
        )
        parts.append(as_rows(_one(session, output, name, whole), size)[: len(part)])
    return np.concatenate(parts)


def as_rows(found: Any, images: int) -> NDArray[np.float32]:
    """What an output gave for so many images as float32 [n, dim].

    Raises:
        DamagedError: when it is no embedding for each.
    """
    array = np.asarray(found)
    flat = array.ndim == 2 or (array.ndim == 4 and array.shape[2:] == (1, 1))
    if not flat or len(array) != images or not array.shape[1] or not np.issubdtype(array.dtype, np.floating):
        raise DamagedError(
            f"the ONNX encoder gives {array.dtype} {list(array.shape)} for {images} images, and no embedding for each"
        )
    return np.ascontiguousarray(array.reshape(images, -1), dtype=np.float32)


def _one(session: Any, output: str, name: str, images: NDArray[np.float32]) -> Any:
    try:
        return session.run([output], {name: images})[0]
    except Exception as error:  # what a graph can do
        reason = line_of(error)
        if any(words in reason.lower() for words in _NO_MEMORY):
            raise MemoryError(reason) from error
        raise DamagedError(f"the ONNX encoder fails: {reason}; import its file again") from error


def line_of(error: BaseException) -> str:
    """An error in one short line, without the colours that onnxruntime prints."""
    text = " ".join(_COLOUR.sub("", str(error)).split())
    return "".join(char for char in text if char.isprintable())[:240] or type(error).__name__
