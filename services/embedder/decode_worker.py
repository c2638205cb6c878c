"""A process that decodes images into memory that it shares with the embedder: ``python -m services.embedder.decode_worker``.

It reads one request a line on standard input, rows of a catalog, puts their pixels into the shared memory one after the other,
and answers with a line on standard output: digest and reason of each; the first line there is "ready". It imports no torch. When
its standard input closes, which the end of the embedder does in any case, it ends.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from services.common import images
from services.common.catalog import Row
from services.common.encoders.spec import spec_of
from services.embedder.decoding import decode_row


def main(memory: int, lock: int) -> None:
    """Works until standard input closes.

    Args:
        memory: descriptor of the shared memory.
        lock: descriptor of a file that all decoding processes lock.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the embedder, which then closes our input
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # decoders are talkative
    images.one_large_at_a_time = lambda: _locked(lock)
    mapped = mmap.mmap(memory, 1)
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if len(mapped) != request["bytes"]:
            mapped.close()
            mapped = mmap.mmap(memory, request["bytes"])
        answers.write(json.dumps(_decode(request, mapped)) + "\n")
        answers.flush()


def _decode(request: dict[str, Any], mapped: mmap.mmap) -> list[tuple[bool, str, str]]:
    """Whether there are pixels, the SHA-256 in hexadecimal, and the reason why there are none, for each row."""
    spec, root = spec_of(request["spec"]), Path(request["root"])
    shape = (len(request["rows"]), spec.image_size, spec.image_size, 3)
    batch = np.frombuffer(mapped, np.uint8, int(np.prod(shape))).reshape(shape)
    told = []
    for at, row in enumerate(request["rows"]):
        done = decode_row(root, Row(*row), spec)
        if done.pixels is not None:
            batch[at] = done.pixels
        told.append((done.pixels is not None, done.sha256.hex(), done.reason))
    return told


@contextmanager
def _locked(lock: int) -> Iterator[None]:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
