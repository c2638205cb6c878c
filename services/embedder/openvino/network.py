"""An encoder that OpenVINO computes: batches of pixels -> vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from protos.errors import InvalidInputError
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec
from services.embedder.openvino.converting import check_suits, model_of, reason_of
from services.embedder.openvino.library import library

_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}
_FEWEST_COSINE = 0.9999  # on noise, in fp32: a conversion that went wrong is not taken


class OpenVinoNetwork:
    """A network in OpenVINO's hands: as many batches at the same time as there are threads, each on one of them.

    A vector does not depend on the number of threads, nor on the other rows of its batch.

    Args:
        network: on the processor, float32, in evaluation mode; its weights are shared.
        spec: what it is.
        threads: batches at the same time.

    Raises:
        InvalidInputError: when OpenVINO cannot compute it, or computes something else.
        ConflictError: when openvino is not installed.
    """

    def __init__(self, network: nn.Module, spec: EncoderSpec, threads: int) -> None:
        check_suits(spec)
        self._spec, self._threads = spec, threads
        self._model = model_of(network, spec)
        self._compiling = threading.Lock()
        self._compiled: dict[tuple[int, str], _Compiled] = {}
        self._check(network)

    def embed(self, batch: NDArray[np.uint8], precision: str) -> NDArray[np.float32]:
        """Vectors float32 [n, dim] of images uint8 [n, side, side, 3], in "fp32" or "bf16"."""
        return self._of(len(batch), precision).run(np.ascontiguousarray(batch))

    def _of(self, rows: int, precision: str) -> _Compiled:
        """The model made ready for batches of one size, when it is first asked for: a fixed shape computes fastest."""
        with self._compiling:
            if (rows, precision) not in self._compiled:
                side = self._spec.image_size
                model = self._model.clone()
                model.reshape([rows, side, side, 3])
                self._compiled[rows, precision] = _Compiled(model, precision, self._threads)
            return self._compiled[rows, precision]

    def _check(self, network: nn.Module) -> None:
        """Whether it computes what the network does, on noise."""
        side = self._spec.image_size
        noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
        with torch.inference_mode():
            wanted = network(to_batch(noise)).float().numpy()
        try:
            found = self.embed(noise, "fp32")
        except RuntimeError as error:
            raise InvalidInputError(
                f"OpenVINO cannot compute {self._spec.architecture}: {reason_of(error)}; set encoder.backend to torch"
            ) from error
        lengths = np.linalg.norm(wanted, axis=-1) * np.linalg.norm(found, axis=-1)
        if found.shape != wanted.shape or not ((wanted * found).sum(-1) >= _FEWEST_COSINE * lengths).all():
            raise InvalidInputError(
                f"OpenVINO computes other vectors of {self._spec.architecture} than PyTorch does; set encoder.backend to torch"
            )
        self._compiled.clear()  # of two rows: nobody will ask for these again


class _Compiled:
    """A model for batches of one size and precision, with a request for each batch that may be on its way."""

    def __init__(self, model: Any, precision: str, threads: int) -> None:
        compiled = (
            library()
            .Core()
            .compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
                    "NUM_STREAMS": threads,
                    "INFERENCE_NUM_THREADS": threads,  # one for each stream: a batch on one thread gives the same bits anywhere
                    "ENABLE_CPU_PINNING": False,  # the threads that decode want the same cores
                    "ENABLE_HYPER_THREADING": True,  # what the settings call a core, is one
                },
            )
        )
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(threads):
            self._free.put(compiled.create_infer_request())

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._request() as request:
            request.infer([batch], share_inputs=True)
            vectors: NDArray[np.float32] = request.get_output_tensor().data.copy()
        return vectors

    @contextmanager
    def _request(self) -> Iterator[Any]:
        request = self._free.get()
        try:
            yield request
        finally:
            self._free.put(request)
