"""Which runs were at work when the daemon was last there: a list of their folders, in a file."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("active_labeler")


def read(file: Path) -> list[str]:
    """The folders; none where there is no file, or one that cannot be read, which is logged with the remedy."""
    try:
        paths = json.loads(file.read_bytes())
    except FileNotFoundError:
        return []
    except (ValueError, OSError) as error:
        log.warning("%s cannot be read (%s); resume runs that were at work with `active-labeler resume`", file, error)
        return []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        log.warning("%s holds no list of folders; resume runs that were at work with `active-labeler resume`", file)
        return []
    return paths


def write(file: Path, paths: Sequence[str]) -> None:
    """Writes the folders to a file that is never seen half-written.

    Raises:
        OSError: when it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w") as output:
            output.write(json.dumps(paths))
            output.flush()
            os.fsync(output.fileno())
        Path(scratch).replace(file)
    finally:
        Path(scratch).unlink(missing_ok=True)
