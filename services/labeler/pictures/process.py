"""The labeler's end of the worker process."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from protos.errors import UnavailableError
from services.common.child import end_child, environment_of_reader
from services.labeler.pictures.display import PLAIN, Look

_START_S = 60.0


class WorkerDiedError(Exception):
    """The worker process ended, or took too long and was ended, while it worked on an image."""


class WorkerProcess:
    """A worker process, started when the first image comes and again after each death. For one thread.

    Args:
        seconds: that one image may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def derive(self, source: Path, target: Path, look: Look = PLAIN) -> str | None:
        """Makes the derivative of ``source`` in ``target``; returns None, or the reason why there is none.

        Raises:
            WorkerDiedError: when the decoder did not survive this image.
            UnavailableError: when no decoder can be started, which is no image's fault.
        """
        request = json.dumps({"source": str(source), "target": str(target), "look": asdict(look)}) + "\n"
        served = self._process is not None
        try:
            try:
                answer = self._ask(request)
            except ConnectionError:
                if not served:
                    raise
                self.close()  # it may have been killed before this image came
                answer = self._ask(request)
        except (OSError, ValueError) as error:
            self.close()
            raise WorkerDiedError(str(error)) from error
        return None if answer["error"] is None else str(answer["error"])

    def _ask(self, request: str) -> dict[str, Any]:
        process = self._start()
        assert process.stdin is not None
        process.stdin.write(request.encode())
        process.stdin.flush()
        return dict(json.loads(self._line(process, self._seconds)))

    def close(self) -> None:
        """Ends the process; the next image starts another."""
        if self._process is not None:
            end_child(self._process)
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            try:
                self._process = self._begin()
                self._line(self._process, _START_S)  # that it is ready
            except OSError as error:
                self.close()
                raise UnavailableError(
                    f"no process that decodes can be started ({error}); it takes memory and the packages of the labeler"
                ) from error
        return self._process

    @staticmethod
    def _begin() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.labeler.pictures.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders are talkative
            env=environment_of_reader(),
        )

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert process.stdout is not None
        end = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer within {seconds:g} s")
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                raise ConnectionError(f"it ended with code {process.wait()}")
            line += chunk
        return line
