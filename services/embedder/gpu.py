"""The forward pass on a GPU: pinned buffers, streams, and one launch for a whole batch.

While one lane computes, the pixels of the next are copied; both go on without Python, which decodes meanwhile. A network is
recorded once as a CUDA graph: replaying it is one call, where its hundreds of kernels are hundreds of chances to wait for
the threads that decode.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from services.embedder.precision import computing

log = logging.getLogger(__name__)

LANES = 2  # one computes, one is being filled
_WARM_UP = 2  # passes before a recording: libraries choose and allocate in the first

_RECORDING = threading.Lock()


class Lane:
    """A stream with its buffers; one batch at a time.

    Args:
        network: on the device.
        device: a GPU.
        side: of the images, pixels.
        graphs: record the network.
    """

    def __init__(self, network: nn.Module, device: torch.device, side: int, graphs: bool) -> None:
        self._network, self._device, self._side, self._graphs = network, device, side, graphs
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pinned = torch.empty((0, side, side, 3), dtype=torch.uint8)
        self._recorded: dict[tuple[int, str], tuple[torch.cuda.CUDAGraph, Tensor, Tensor] | None] = {}

    def embed(self, pixels: Sequence[NDArray[np.uint8] | None], rows: int, precision: str) -> NDArray[np.float32]:
        """Vectors float32 [rows, dim]; rows without pixels are those of a black image."""
        buffer = self._fill(pixels, rows)
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream), computing(self._device, precision):
            vectors = self._run(buffer, precision).to("cpu", non_blocking=True)
        self._stream.synchronize()
        result: NDArray[np.float32] = vectors.numpy().copy()
        return result

    def _fill(self, pixels: Sequence[NDArray[np.uint8] | None], rows: int) -> Tensor:
        if len(self._pinned) < rows:
            self._pinned = torch.empty((rows, self._side, self._side, 3), dtype=torch.uint8, pin_memory=True)
        buffer = self._pinned[:rows]
        batch = buffer.numpy()
        for row in range(rows):
            image = pixels[row] if row < len(pixels) else None
            batch[row] = 0 if image is None else image
        return buffer

    def _run(self, buffer: Tensor, precision: str) -> Tensor:
        key = (len(buffer), precision)
        if not self._graphs or len(buffer) == 1:
            return self._forward(buffer.to(self._device, non_blocking=True))
        if key not in self._recorded:
            self._recorded[key] = self._record(buffer)
        recorded = self._recorded[key]
        if recorded is None:
            return self._forward(buffer.to(self._device, non_blocking=True))
        graph, given, made = recorded
        given.copy_(buffer, non_blocking=True)
        graph.replay()
        return made

    def _record(self, buffer: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor] | None:
        """The network as a graph, its input and its output; None where it cannot be recorded."""
        given = buffer.to(self._device)
        with _RECORDING:
            for _ in range(_WARM_UP):
                self._forward(given)
            self._stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                    made = self._forward(given)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                log.warning("the encoder cannot be recorded as a CUDA graph and runs kernel by kernel: %s", error)
                return None
        return graph, given, made

    def _forward(self, images: Tensor) -> Tensor:
        """uint8 [n, side, side, 3] -> float32 [n, dim]. Bytes travel to the GPU, a quarter of what floats would be."""
        vectors: Tensor = self._network(images.permute(0, 3, 1, 2).to(torch.float32)).float()
        return vectors


class Lanes:
    """The lanes of one encoder; who asks waits for a free one.

    Args:
        network, device, side, graphs: as of a `Lane`.
    """

    def __init__(self, network: nn.Module, device: torch.device, side: int, graphs: bool = True) -> None:
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for _ in range(LANES):
            self._free.put(Lane(network, device, side, graphs))

    @contextmanager
    def lane(self) -> Iterator[Lane]:
        """A lane for one batch."""
        lane = self._free.get()
        try:
            yield lane
        finally:
            self._free.put(lane)
