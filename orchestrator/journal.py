"""The journal of a run: every step's result is recorded before the next step begins.

``journal.once("round-3/score", work)`` runs ``work`` the first time and returns the recorded result ever after. A loop
written with it reads from top to bottom, and a killed run resumes at the step it was in, because all earlier steps answer
from the journal. (The idea is that of durable execution; the steps themselves are idempotent, so a step that was killed
between its work and its record costs nothing but time.)
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from pydantic import TypeAdapter

from protos.errors import ConflictError, DamagedError

T = TypeVar("T")


class Journal:
    """An append-only file of JSON lines, one a step, each synced to disk before anybody hears of it.

    Args:
        path: the file; made when it is missing. A half-written last line (a kill in the middle) is dropped.

    Raises:
        ConflictError: when another process has it open.
        DamagedError: when a line in the middle cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise ConflictError(
                f"the run in {path.parent} is at work in another process; stop that one first, or choose another runtime folder"
            ) from error
        entries, length = read_entries(path)
        os.truncate(path, length)
        self._results = {str(entry["step"]): entry["result"] for entry in entries}

    def __contains__(self, step: str) -> bool:
        return step in self._results

    def last(self, ending: str) -> str | None:
        """The newest step whose name ends so, if there is one; other threads than the loop's may ask, too."""
        return next((step for step in reversed(list(self._results)) if step.endswith(ending)), None)

    def once(self, step: str, kind: type[T], work: Callable[[], T]) -> T:
        """The result of a step: recorded, or else worked out now and then recorded.

        Args:
            step: its name, the same in every attempt.
            kind: the type of the result, anything that pydantic can turn to JSON and back.
            work: does the step.
        """
        adapter = TypeAdapter(kind)
        if step in self._results:
            return adapter.validate_python(self._results[step])
        start = time.monotonic()
        result = adapter.dump_python(work(), mode="json")
        self._append(
            {"step": step, "seconds": round(time.monotonic() - start, 3), "time": time.time(), "result": result}
        )
        self._results[step] = result
        return adapter.validate_python(result)

    def close(self) -> None:
        """Lets go of the file, so that another process may go on."""
        self._file.close()

    def _append(self, entry: dict[str, object]) -> None:
        self._file.write(json.dumps(entry, allow_nan=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_entries(path: Path) -> tuple[list[dict[str, object]], int]:
    """The steps in a journal file, and the bytes up to the end of the last whole one. Needs no lock.

    Raises:
        DamagedError: when a line in the middle cannot be read.
    """
    entries: list[dict[str, object]] = []
    length = 0
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entry = json.loads(line)
            entries.append({"step": entry["step"], **entry})
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) - 1:
                break  # a kill may leave part of a line, even with its end, when the disk was full
            raise DamagedError(
                f"line {number} of the journal {path} cannot be read; restore it from a backup, or start anew in another folder"
            ) from error
        length += len(line) + 1
    return entries, length


def is_at_work(path: Path) -> bool:
    """Whether a process has the journal open to write."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
