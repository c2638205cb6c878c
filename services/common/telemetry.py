"""Logs: one line per step with what it did and how long it took."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from protos.about import about
from protos.errors import InvalidInputError

LogFormat = Literal["text", "json"]
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(about)s%(message)s"


def _add_about(record: logging.LogRecord) -> bool:
    """Which run and round a line belongs to; asked in the thread that says it."""
    now = about()
    record.run, record.round = now.run, now.round
    number = "" if now.round is None else f" round {now.round}"
    record.about = f"[run {now.run}{number}] " if now.run else ""
    return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, run, round, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "run": getattr(record, "run", ""),
            "round": getattr(record, "round", None),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def set_up_logging(verbose: bool, file: Path | None = None, style: LogFormat = "text") -> None:
    """Logs go to standard error, and to ``file`` (appended) where one is named.

    Args:
        verbose: every line; otherwise warnings and errors only. The file gets every line in both cases.
        file: made when it is missing.
        style: "text" for people, "json" for programs that collect logs. Both name run and round.

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
    for handler in handlers:
        handler.addFilter(_add_about)
        handler.setFormatter(JsonLines() if style == "json" else logging.Formatter(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)


@contextmanager
def timed(log: logging.Logger, what: str) -> Iterator[dict[str, object]]:
    """Logs ``what`` with its seconds when the block ends well; entries put into the yielded dict follow as key=value."""
    facts: dict[str, object] = {}
    start = time.monotonic()
    yield facts
    tail = "".join(f" {key}={value}" for key, value in facts.items())
    log.info("%s in %.2f s%s", what, time.monotonic() - start, tail)
