"""Who decodes: threads, or processes where a GPU waits for more pixels than threads can make.

Of the time that an image takes, Python's lock is held for about a third: more threads than three or four wait for each other.
A process has a lock of its own, and costs about 50 MB.
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path

from services.common.catalog import Row
from services.common.cores import cores
from services.common.encoders.spec import EncoderSpec
from services.common.windows import is_name
from services.embedder.decode_process import DecodeProcess
from services.embedder.decoding import Decoded, decode_row
from services.embedder.nvjpeg import NvJpeg
from services.embedder.turns import TurnPool

_AHEAD_ROWS = 256
_AHEAD_BYTES = 256 * 1024 * 1024
_MOST = 32  # processes that nobody has asked for: 1.7 GB
_CHUNK_ROWS = 16  # that a process decodes at once: what is said for each chunk costs as much as an image
_CHUNK_BYTES = 32 * 1024 * 1024


class DecodingProcesses:
    """Processes that decode, each with a thread that speaks with it; started as there is work for them.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the pool
        self._own = threading.local()
        self._all: list[DecodeProcess] = []
        self._pool = TurnPool(count, "decode-process", self._begin)

    def submit(self, turn: int, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> Future[list[Decoded]]:
        """The future files of some rows, decoded by one process."""
        return self._pool.submit(turn, self._decode, root, rows, spec)

    def close(self) -> None:
        """Ends the processes, and cancels what is not begun."""
        self._pool.close()
        for process in self._all:
            process.close()

    def _begin(self) -> None:
        self._own.process = DecodeProcess(self._file.fileno())
        self._all.append(self._own.process)

    def _decode(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        process: DecodeProcess = self._own.process
        return process.decode(root, rows, spec)


class Decoders:
    """Decodes the files of a catalog ahead of who uses them.

    Args:
        threads: that decode where no processes do.
        processes: that decode in the place of threads; 0: none, None: one a core where a GPU computes, none elsewhere.
    """

    def __init__(self, threads: int, processes: int | None = 0) -> None:
        self._wanted = processes
        self._threads = TurnPool(threads, "decode")
        self._lock = threading.Lock()
        self._processes: DecodingProcesses | None = None

    def ahead(
        self,
        root: Path,
        rows: Iterable[Row],
        spec: EncoderSpec,
        turn: int = 0,
        for_gpu: bool = False,
        on_gpu: NvJpeg | None = None,
    ) -> Generator[Decoded, None, None]:
        """The files of the rows in order, decoded while the ones before are being used.

        Of the files of several calls, those of the lowest ``turn`` are decoded first. Closing the iterator cancels what is
        not begun. With ``on_gpu``, threads give whole files to a GPU, which decodes them.
        """
        processes = None if on_gpu is not None else self._processes_for(for_gpu)
        pixels = spec.image_size**2 * 3
        size = 1 if processes is None and on_gpu is None else max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // pixels))
        most = max(2, min(_AHEAD_ROWS, _AHEAD_BYTES // pixels) // size, 2 * processes.count if processes else 0)

        def start(chunk: list[Row]) -> Future[list[Decoded]]:
            # Threads share the scene that windows are cut from; each process would decode all of it for itself.
            if on_gpu is not None:
                return self._threads.submit(turn, on_gpu.rows, root, chunk, spec)
            by_threads = processes is None or any(is_name(row.path) for row in chunk)
            submit = self._submit if by_threads or processes is None else processes.submit
            return submit(turn, root, chunk, spec)

        return _ahead(start, _chunks(rows, size), most)

    def close(self) -> None:
        """Ends threads and processes."""
        self._threads.close()
        with self._lock:
            if self._processes is not None:
                self._processes.close()

    def _submit(self, turn: int, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> Future[list[Decoded]]:
        return self._threads.submit(turn, lambda: [decode_row(root, row, spec) for row in rows])

    def _processes_for(self, gpu: bool) -> DecodingProcesses | None:
        count = (min(cores(), _MOST) if gpu else 0) if self._wanted is None else self._wanted
        if not count:
            return None
        with self._lock:
            self._processes = self._processes or DecodingProcesses(count)
            return self._processes


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while chunk := list(islice(waiting, size)):
        yield chunk


def _ahead(
    start: Callable[[list[Row]], Future[list[Decoded]]], chunks: Iterator[list[Row]], most: int
) -> Generator[Decoded, None, None]:
    running: deque[Future[list[Decoded]]] = deque()
    try:
        while True:
            for chunk in islice(chunks, most - len(running)):
                running.append(start(chunk))
            if not running:
                return
            yield from running.popleft().result()
    finally:
        for future in running:
            future.cancel()
