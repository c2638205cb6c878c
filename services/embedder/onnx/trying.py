"""Starts the process that tries an ONNX file."""

from __future__ import annotations

import json
import subprocess
import sys

from protos.errors import InvalidInputError
from services.common.child import environment_of_reader
from services.embedder.onnx.trial import CPU_S, Tried

_WALL_S = 2 * CPU_S  # processors may be busy


def tried(data: bytes, side: int) -> Tried:
    """What a file takes and gives, found out in a process of its own.

    Args:
        data: the file.
        side: of the images, as somebody wishes; 0: as the file says.

    Raises:
        InvalidInputError: when it is no encoder of images, with what was seen, or ends the process.
    """
    env = environment_of_reader()
    command = [sys.executable, "-m", "services.embedder.onnx.trial", str(side)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=_WALL_S, env=env)
    except subprocess.TimeoutExpired as error:
        raise InvalidInputError(f"two images take it more than {_WALL_S} s") from error
    if done.returncode:
        raise InvalidInputError(
            f"it ends the process that tries it (exit code {done.returncode}): it is damaged, takes more than {CPU_S} s, or more"
            " memory than an encoder may take"
        )
    answer = json.loads(done.stdout.splitlines()[-1])
    if "refused" in answer:
        raise InvalidInputError(answer["refused"])
    return Tried(**answer)
