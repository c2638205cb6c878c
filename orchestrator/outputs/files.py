"""Files that are there whole or not at all."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from protos.errors import ExhaustedError, InvalidInputError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def telling_what_failed(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write below ``path`` into a sentence.

    Raises:
        ExhaustedError: when the disk is full.
        InvalidInputError: when it cannot be written there for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ExhaustedError(
                f"the disk is full, {path} could not be written; free some space and resume"
            ) from error
        raise InvalidInputError(
            f"{path} cannot be written ({error.strerror or error}); allow it, or choose another place, and resume"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; what is written there takes the place of ``path`` when the block ends well."""
    with telling_what_failed(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name[:100]}.{os.getpid()}.new")
        try:
            yield scratch
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table whole or not at all. Names of files that are no UTF-8 keep their bytes."""
    with replacing(path) as scratch:
        with scratch.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
