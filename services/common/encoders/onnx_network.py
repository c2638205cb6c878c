"""Encoders that came as an ONNX file, as networks like the others: float32 [n, 3, side, side], 0-255, to [n, dim].

The file travels as one tensor of bytes, so that it goes wherever the weights of others go. It is computed by onnxruntime on the
processor, wherever the images are, and has no weights that could be trained.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from protos.errors import InvalidInputError
from services.common.encoders.normalising import NormalisedEncoder
from services.common.encoders.onnx_session import open_session, run_session
from services.common.encoders.spec import OnnxSpec

_opening = threading.Lock()


class OnnxEncoder(NormalisedEncoder):
    """An ONNX file with the normalisation of its images in front. The session is opened when it is first used.

    Args:
        spec: what it is.
    """

    def __init__(self, spec: OnnxSpec) -> None:
        super().__init__(spec.preprocessing)
        self.spec = spec
        self.register_buffer("file", torch.zeros(spec.file_bytes, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings [n, dim].

        Raises:
            ConflictError: when onnxruntime is not installed.
            MemoryError: when memory does not suffice.
            DamagedError: when the graph fails.
        """
        x = self.normalised(images).detach().float().cpu().contiguous()
        vectors = run_session(self._opened(), self.spec.output, x.numpy(), self.spec.batch)
        return torch.from_numpy(vectors).to(images.device)

    def content(self) -> bytes:
        """The bytes of the file."""
        return self.get_buffer("file").cpu().numpy().tobytes()

    def _opened(self) -> Any:
        with _opening:
            if self._session is None:
                self._session = open_session(self.content())
        return self._session


def build_onnx(spec: OnnxSpec, weights: int | None = None) -> OnnxEncoder:
    """The network of a spec, its file not filled in yet.

    Args:
        spec: what it is.
        weights: how many bytes there are to fill it.

    Raises:
        InvalidInputError: when it needs more.
    """
    if weights is not None and spec.file_bytes > weights:
        raise InvalidInputError(
            f"its description says an ONNX file of {spec.file_bytes} bytes, but it holds {weights}; they do not belong together"
        )
    return OnnxEncoder(spec).eval()
