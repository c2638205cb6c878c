"""Processes of our own modules, beside the one that starts them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def environment_of_child(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process, for ``python -m MODULE`` that finds the same modules from any working directory.

    Args:
        more: variables beside it, which win.
    """
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1", **(more or {})}


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Kills a process, waits for its end, and closes the pipes to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
