"""The forward pass, always in batches of one shape, so that a vector never depends on how many neighbours it had."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from protos.errors import ExhaustedError
from services.common.encoders.preprocess import to_batch
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.precision import check_suits, computing
from services.embedder.turns import AHEAD, TurnPool

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_ROWS = 32  # divides a block; part of what makes vectors bit-equal, therefore no setting
_GPU_BATCHES = (256, 128, 64)  # rows; a block, or a part of it
_GPU_PIXELS = 256 * 256**2  # of a batch: what is large goes in fewer, or a small card has no room for it
_GPU_AHEAD = 3  # batches that wait with their pixels
_NO_MEMORY = ("not enough memory", "bad_alloc")  # of PyTorch, and of OpenVINO
NOT_FINITE = "its embedding is not finite (NaN or infinity)"


def rows_of_batch(encoder: LoadedEncoder) -> int:
    """How many images go through the network at once: more on a GPU, unless they are large."""
    if encoder.device.type != "cuda":
        return BATCH_ROWS
    fitting = (rows for rows in _GPU_BATCHES if rows * encoder.spec.image_size**2 <= _GPU_PIXELS)
    return next(fitting, BATCH_ROWS)


class ForwardPass:
    """Runs encoders: several batches at the same time, each on one processor thread.

    Threads that share one batch wait for each other at every layer, and for each other's neighbours on a busy machine;
    batches side by side do not, and a vector does not depend on the number of threads.

    Args:
        threads: batches at the same time.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = TurnPool(threads, "forward", partial(torch.set_num_threads, 1))

    def ahead(self, encoder: LoadedEncoder) -> int:
        """How many batches should be on their way at the same time."""
        return _GPU_AHEAD if encoder.lanes is not None else self.threads

    def start(
        self,
        encoder: LoadedEncoder,
        pixels: Sequence[NDArray[np.uint8] | None],
        precision: str,
        batch_rows: int = BATCH_ROWS,
        turn: int = AHEAD,
        mend: bool = True,
    ) -> Future[NDArray[np.float32]]:
        """Vectors float32 [n, dim] of up to ``batch_rows`` images uint8 [side, side, 3]; zero where there is no image.

        Of the batches that wait, the one of the lowest ``turn`` is next. With ``mend``, images that are too much for fp16, which
        ends at 65,504, get their vectors in fp32.

        Raises:
            InvalidInputError: when the encoder does not compute in that precision.
            ExhaustedError (from the future): when memory does not suffice.
        """
        check_suits(precision, encoder.spec, encoder.openvino is not None)
        return self._pool.submit(turn, self._embed, encoder, pixels, precision, batch_rows, mend)

    def start_text(
        self, encoder: LoadedEncoder, tokens: NDArray[np.int64], precision: str
    ) -> Future[NDArray[np.float32]]:
        """Vectors float32 [n, dim] of n phrases int64 [n, length], by an encoder that understands them.

        Phrases that are too much for fp16 get theirs in fp32, as images do.
        """
        return self._pool.submit(AHEAD, self._embed_text, encoder, tokens, precision)

    def close(self) -> None:
        """Ends the threads."""
        self._pool.close()

    def _embed(
        self,
        encoder: LoadedEncoder,
        pixels: Sequence[NDArray[np.uint8] | None],
        precision: str,
        batch_rows: int,
        mend: bool,
    ) -> NDArray[np.float32]:
        rows = np.zeros((len(pixels), encoder.spec.dim), dtype=np.float32)
        there = [row for row, image in enumerate(pixels) if image is not None]
        if not there:
            return rows
        try:
            rows[there] = self._compute(encoder, pixels, precision, batch_rows)[there]
            if mend and precision == "fp16" and len(over := np.flatnonzero(~finite_rows(rows))):
                rows[over] = self._compute(encoder, pixels, "fp32", batch_rows)[over]
        except (MemoryError, RuntimeError) as error:
            raise _memory_error(error, encoder, batch_rows) from error
        return rows

    def _compute(
        self, encoder: LoadedEncoder, pixels: Sequence[NDArray[np.uint8] | None], precision: str, batch_rows: int
    ) -> NDArray[np.float32]:
        if encoder.lanes is not None:
            with encoder.lanes.lane() as lane:
                return lane.embed(pixels, batch_rows, precision)
        side = encoder.spec.image_size
        batch = np.zeros((batch_rows, side, side, 3), dtype=np.uint8)
        for row, image in enumerate(pixels):
            if image is not None:
                batch[row] = image
        return self._run(encoder, batch, precision)

    @staticmethod
    def _run(encoder: LoadedEncoder, batch: NDArray[np.uint8], precision: str) -> NDArray[np.float32]:
        if encoder.openvino is not None:
            return encoder.openvino.embed(batch, precision)
        with computing(encoder.device, precision):
            vectors: NDArray[np.float32] = encoder.network(to_batch(batch)).float().numpy()
        return vectors

    @staticmethod
    def _embed_text(encoder: LoadedEncoder, tokens: NDArray[np.int64], precision: str) -> NDArray[np.float32]:
        network: Any = encoder.network

        def vectors_in(precision: str) -> NDArray[np.float32]:
            with computing(encoder.device, precision):
                return np.asarray(network.embed_tokens(torch.from_numpy(tokens).to(encoder.device)).cpu().numpy())

        vectors = vectors_in(precision)
        too_much = precision == "fp16" and not finite_rows(vectors).all()
        return vectors_in("fp32") if too_much else vectors


def _memory_error(error: Exception, encoder: LoadedEncoder, batch_rows: int) -> Exception:
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in text for words in _NO_MEMORY):
        spec = encoder.spec
        return ExhaustedError(
            f"the memory of {encoder.device} does not suffice for {batch_rows} images of {spec.image_size} pixels"
            f" with {spec.architecture}; take a smaller image_size"
        )
    return error


def finite_rows(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows [n] bool of vectors [n, dim] hold finite numbers only."""
    return np.asarray(np.isfinite(vectors).all(axis=1), dtype=np.bool_)


def in_order(
    items: Iterable[Item], start: Callable[[Item], Future[Result]], ahead: int
) -> Generator[tuple[Item, Result], None, None]:
    """Each item with the result of ``start(item)``, in order, while up to ``ahead`` later ones are being worked on."""
    waiting = iter(items)
    running: deque[tuple[Item, Future[Result]]] = deque()
    try:
        while True:
            for item in islice(waiting, ahead + 1 - len(running)):
                running.append((item, start(item)))
            if not running:
                return
            item, future = running.popleft()
            yield item, future.result()
    finally:
        for _, future in running:
            future.cancel()
