"""Files on their way into the artifact store, and what processes that were killed have left of theirs.

A temporary file carries the name of its writer. Each process holds a lock on a file of that name for as long as it lives: the
kernel lets go when it ends, however it ends, and whoever tidies up then knows that nobody finishes its files any more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = ".writing-"
WRITERS = ".writers"
_OURS = re.compile(re.escape(PREFIX) + r"(?P<writer>[0-9a-f]{16})-.*")
_OLD_S = 24 * 3600.0  # a file without a writer's name, as earlier versions made them
_NEVER_OURS = ("mirrors", "pretraining", WRITERS)  # many files, or files that are meant to outlive their writer

_lock = threading.Lock()
_held: dict[
    tuple[str, int], tuple[str, int]
] = {}  # (root, process) -> its name, and the descriptor that holds the lock


def temporary(root: Path, final: Path) -> Path:
    """A new name beside ``final``, of a file that this process will rename or remove.

    Args:
        root: of the store.
        final: below it; its folder exists.
    """
    return final.with_name(f"{PREFIX}{_own_name(root)}-{secrets.token_hex(6)}")


def is_temporary(name: str) -> bool:
    """Whether a file, or any part of its path, is unfinished work or belongs to its bookkeeping."""
    return name.startswith(PREFIX) or name == WRITERS


def tidy(root: Path) -> int:
    """Removes what dead processes have left unfinished in a store, beside live ones at work; returns how many files.

    Files that earlier versions left go when they are a day old. What cannot be opened or removed stays, with a line in the log.
    """
    dead: dict[str, bool] = {}
    removed = 0
    for path, writer in _unfinished(root):
        with _telling(path):
            if _is_left(root, path, writer, dead):
                path.unlink(missing_ok=True)
                removed += 1
    for mark in (root / WRITERS).glob("*"):
        with _telling(mark):
            _is_dead(root, mark.name, forget=True)  # nothing of it is left
    return removed


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Goes on with the next file where one cannot be opened or removed, and says which."""
    try:
        yield
    except OSError as error:
        log.warning("%s stays, it may be left over: %s", path, error)


def _is_left(root: Path, path: Path, writer: str | None, dead: dict[str, bool]) -> bool:
    if writer is None:
        return _is_old(path)
    if writer not in dead:
        dead[writer] = _is_dead(root, writer)
    return dead[writer]


def tidy_beside(root: Path) -> None:
    """The same in a thread of its own, so that a large store keeps nobody waiting."""

    def work() -> None:
        try:
            removed = tidy(root)
        except OSError as error:
            log.warning("the store %s was not tidied up: %s", root, error)
        else:
            if removed:
                log.info("removed %d files that processes which were killed had left unfinished in %s", removed, root)

    threading.Thread(target=work, name="tidy", daemon=True).start()


def _unfinished(root: Path) -> Iterator[tuple[Path, str | None]]:
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in _NEVER_OURS]
        for name in names:
            if name.startswith(PREFIX):
                found = _OURS.fullmatch(name)
                yield Path(folder, name), found["writer"] if found else None


def _own_name(root: Path) -> str:
    with _lock:
        place = (str(root.absolute()), os.getpid())
        name, handle = _held.get(place, ("", -1))
        if not name or not (root / WRITERS / name).exists():  # the whole store may have been removed, and made again
            if name:
                os.close(handle)
            _held[place] = _take_name(root / WRITERS)
        return _held[place][0]


def _take_name(folder: Path) -> tuple[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        name = secrets.token_hex(8)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (folder / name).exists():
                return name, handle
        except BlockingIOError:
            pass
        os.close(handle)  # somebody who tidies up was faster


def _is_dead(root: Path, writer: str, forget: bool = False) -> bool:
    """Whether nobody holds a name; ``forget``: it is removed then, under the lock, so that nobody takes it meanwhile."""
    mark = root / WRITERS / writer
    try:
        handle = os.open(mark, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if forget:
            mark.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _OLD_S
    except FileNotFoundError:
        return False
