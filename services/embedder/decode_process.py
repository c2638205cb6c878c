"""The embedder's end of a process that decodes."""

from __future__ import annotations

import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from protos.errors import UnavailableError
from services.common.catalog import Row
from services.common.child import end_child, environment_of_reader
from services.common.encoders.spec import EncoderSpec, fields_of
from services.embedder.decoding import Decoded

log = logging.getLogger(__name__)

# Pillow gives an image's memory back, and gets other pages for the next: a quarter of the time that an image takes.
_MEMORY_KEPT = {"PILLOW_BLOCKS_MAX": "4"}  # of at most 16 MiB each
READY = b"ready\n"  # its first line
_DIED = "the process that decoded it died, twice"


class DecodeProcess:
    """A process that decodes, started when the first images come and again after each death. For one thread.

    Args:
        lock: descriptor of a file that all of them lock while they decode a large image.
    """

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._memory = _shared_memory()
        self._mapped = mmap.mmap(self._memory, 1)
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._asking = threading.Lock()

    def decode(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        """The files of some rows. An image that ends the process is tried once more by itself, and then has a reason.

        Raises:
            RuntimeError: when this process is closed.
            UnavailableError: when no process can be started, which is no image's fault.
        """
        try:
            return self._ask(root, rows, spec)
        except (OSError, ValueError) as error:
            if self._closed:
                raise RuntimeError("this process is closed") from error
            log.warning("a process that decodes died (%s); it is started again", error)
            self._end()
        if len(rows) == 1:
            return self._once_more(root, rows, spec)
        return [done for row in rows for done in self._once_more(root, [row], spec)]

    def close(self) -> None:
        """Ends the process, from any thread, whatever it is at."""
        if self._closed:
            return
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
        with self._asking:  # it ends with the process
            os.close(self._memory)

    def _once_more(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        try:
            return self._ask(root, rows, spec)
        except (OSError, ValueError) as error:
            if self._closed:
                raise RuntimeError("this process is closed") from error
            log.warning("%s: %s", rows[0].path, _DIED)
            self._end()
            return [Decoded(None, reason=_DIED)]

    def _ask(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        with self._asking:
            return self._answer(root, rows, spec)

    def _answer(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        process = self._start()
        assert process.stdin is not None and process.stdout is not None
        side = spec.image_size
        size = len(rows) * side * side * 3
        self._make_room(size)
        request = {
            "root": str(root),
            "rows": [astuple(row) for row in rows],
            "spec": fields_of(spec),
            "bytes": len(self._mapped),
        }
        process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError(f"it ended with code {process.wait()}")
        batch = np.frombuffer(self._mapped, np.uint8, size).reshape(len(rows), side, side, 3).copy()
        return [_decoded(batch[at], *told) for at, told in enumerate(json.loads(answer))]

    def _make_room(self, size: int) -> None:
        if len(self._mapped) < size:
            os.ftruncate(self._memory, size)
            self._mapped = mmap.mmap(self._memory, size)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise BrokenPipeError("it is closed")
        if self._process is None:
            try:
                self._process = self._begin()
            except OSError as error:
                raise _not_started(str(error)) from error
            if self._closed:  # meanwhile, and whoever closed has not seen this process
                self._process.kill()
            assert self._process.stdout is not None
            if self._process.stdout.readline() != READY:
                code = self._process.wait()
                self._end()
                if self._closed:
                    raise BrokenPipeError("it is closed")
                raise _not_started(f"it ended with code {code}")
        return self._process

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.embedder.decode_worker", str(self._memory), str(self._lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**_MEMORY_KEPT, **environment_of_reader()},
            pass_fds=(self._memory, self._lock),
        )

    def _end(self) -> None:
        if self._process is not None:
            end_child(self._process)
            self._process = None


def _not_started(reason: str) -> UnavailableError:
    return UnavailableError(
        f"no process that decodes images can be started ({reason}): each takes about 50 MB; set"
        " ACTIVE_LABELER_DECODE_PROCESSES to fewer, or to 0 for threads"
    )


def _decoded(pixels: Any, there: bool, digest: str, reason: str) -> Decoded:
    return Decoded(pixels if there else None, bytes.fromhex(digest), reason)


def _shared_memory() -> int:
    """A descriptor of memory that has no name: it is gone with the last process that has it."""
    if hasattr(os, "memfd_create"):
        memory = os.memfd_create("decoded")
    else:
        with tempfile.TemporaryFile() as file:
            memory = os.dup(file.fileno())
    os.ftruncate(memory, 1)
    return memory
