"""Logs: one line per step with what it did and how long it took."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protos.errors import InvalidInputError

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def set_up_logging(verbose: bool, file: Path | None = None) -> None:
    """Logs go to standard error, and to ``file`` (appended) where one is named.

    Args:
        verbose: every line; otherwise warnings and errors only. The file gets every line in both cases.
        file: made when it is missing.

    Raises:
        InvalidInputError: when the file cannot be written.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(logging.INFO if verbose else logging.WARNING)
    if file is not None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(file, encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise InvalidInputError(f"the log file {file} cannot be written: {error.strerror}") from error
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers, force=True)


@contextmanager
def timed(log: logging.Logger, what: str) -> Iterator[dict[str, object]]:
    """Logs ``what`` with its seconds when the block ends well; entries put into the yielded dict follow as key=value."""
    facts: dict[str, object] = {}
    start = time.monotonic()
    yield facts
    tail = "".join(f" {key}={value}" for key, value in facts.items())
    log.info("%s in %.2f s%s", what, time.monotonic() - start, tail)
