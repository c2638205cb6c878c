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
from services.embedder.decoder_deaths import ALONE, DecoderDiedError, being_killed, harmless, how, reason_of
from services.embedder.decoding import Decoded

log = logging.getLogger(__name__)

# Pillow gives an image's memory back, and gets other pages for the next: a quarter of the time that an image takes.
_MEMORY_KEPT = {"PILLOW_BLOCKS_MAX": "4"}  # of at most 16 MiB each
READY = b"ready\n"  # its first line


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
        """The files of some rows. Those with which the process died are tried again, each by itself.

        An image has a reason instead of pixels when it ended a fresh process that had nothing else to do, and another image
        did not.

        Raises:
            RuntimeError: when this process is closed.
            UnavailableError: when no process can be started, or they are being killed, which is no image's fault.
        """
        try:
            return self._ask(root, rows, spec)
        except DecoderDiedError as death:
            log.warning("a process that decodes died (%s); it is started again", death)
        return [self._by_itself(root, row, spec) for row in rows]

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

    def _by_itself(self, root: Path, row: Row, spec: EncoderSpec) -> Decoded:
        for _ in range(ALONE):
            try:
                return self._ask(root, [row], spec)[0]
            except DecoderDiedError as error:
                log.warning("%s: a process that decoded it by itself died (%s)", row.path, error)
                death = error
        if death.is_sent:
            raise being_killed(death)
        try:
            with harmless() as (folder, picture):
                self._ask(folder, [picture], spec)
        except DecoderDiedError as other:
            raise being_killed(other) from death
        return Decoded(None, reason=reason_of(death, 1 + ALONE))

    def _ask(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        with self._asking:
            process = self._start()
            self._make_room(len(rows) * spec.image_size**2 * 3)
            try:
                return self._answer(process, root, rows, spec)
            except (OSError, ValueError) as error:
                code = self._end()
                if self._closed:
                    raise _closed() from error
                raise DecoderDiedError(code) from error

    def _answer(
        self, process: subprocess.Popen[bytes], root: Path, rows: Sequence[Row], spec: EncoderSpec
    ) -> list[Decoded]:
        assert process.stdin is not None and process.stdout is not None
        side = spec.image_size
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
            process.wait()
            raise ConnectionError("it ended")
        shape = (len(rows), side, side, 3)
        batch = np.frombuffer(self._mapped, np.uint8, int(np.prod(shape))).reshape(shape).copy()
        return [_decoded(batch[at], *told) for at, told in enumerate(json.loads(answer))]

    def _make_room(self, size: int) -> None:
        if len(self._mapped) < size:
            try:
                os.ftruncate(self._memory, size)
                self._mapped = mmap.mmap(self._memory, size)
            except OSError as error:
                raise UnavailableError(
                    f"there is no memory for {size / 1e6:.0f} MB of decoded images ({error.strerror}): free some, or set"
                    " ACTIVE_LABELER_DECODE_PROCESSES to fewer, or to 0 for threads"
                ) from error

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise _closed()
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
                    raise _closed()
                raise _not_started(f"it ended with {how(code)}")
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

    def _end(self) -> int:
        """Ends the process; the code that it ended with, if it had ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return 0
        end_child(process)
        return process.returncode


def _closed() -> RuntimeError:
    return RuntimeError("this process is closed")


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
