"""Processes of our own modules, beside the one that starts them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# What finds the program and its libraries, says how names of files are read, and where scratch files go.
_NEEDED = ("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "GLIBC_TUNABLES")
_NEEDED_BEGIN = ("LC_", "LD_", "DYLD_", "PYTHON", "MALLOC_", "PILLOW_", "OMP_")


def environment_of_child(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process, for ``python -m MODULE`` that finds the same modules from any working directory.

    Args:
        more: variables beside it, which win.
    """
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1", **(more or {})}


def environment_of_reader() -> dict[str, str]:
    """The same for a child that opens files from outside: one thread, and of this process's variables only what it needs.

    Addresses of databases, tokens and keys are not among them. That keeps them out of what such a child inherits or prints; one
    that is taken over is the same user still, and may read its parent's in /proc.
    """
    known = environment_of_child(ONE_THREAD)
    return {name: value for name, value in known.items() if name in _NEEDED or name.startswith(_NEEDED_BEGIN)}


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Kills a process, waits for its end, and closes the pipes to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
