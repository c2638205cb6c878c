"""The workshop: derivatives in the order in which people will want them, made once, kept on disk."""

from __future__ import annotations

import logging
import os
import queue
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from pathlib import Path

from protos.errors import InvalidInputError, UnavailableError
from services.common.artifacts import digest_of
from services.common.catalog import Row
from services.common.images import UnreadableImageError
from services.common.windows import file_of
from services.labeler.pictures.display import PLAIN, Look
from services.labeler.pictures.process import WorkerDiedError, WorkerProcess
from services.labeler.pictures.trimming import Trimmer

log = logging.getLogger(__name__)

_VERSION = 5  # of what derivatives look like
_LATELY_NS = 60 * 10**9  # of the last look at a file, which is as good as now


class Urgency(IntEnum):
    """What is made first.

    Attributes:
        NOW: somebody looks at the place of one image.
        SHEET: somebody looks at a sheet of many, or just did: the newest sheet comes first.
        AHEAD: nobody waits for it yet.
    """

    NOW = 1
    SHEET = 2
    AHEAD = 3


_END = 0  # before all


@dataclass(order=True)
class _Order:
    urgency: int
    turn: int
    number: int
    name: str = field(compare=False)
    source: Path = field(compare=False)
    look: Look = field(compare=False, default=PLAIN)


class Workshop:
    """Makes and finds derivatives.

    Args:
        folder: of the cache; may be deleted whenever the labeler is not running.
        workers: processes that decode.
        seconds: that one image may take.
        most_bytes: that the cache may hold; 0: any number.

    Raises:
        InvalidInputError: when nothing can be written to the folder.
    """

    def __init__(self, folder: Path, workers: int = 1, seconds: float = 30.0, most_bytes: int = 0) -> None:
        self._trimmer = Trimmer(folder, most_bytes)
        self._folder = folder
        self._seconds = seconds
        self._orders: queue.PriorityQueue[_Order] = queue.PriorityQueue()
        self._numbers = count()
        self._promised: dict[str, Future[Path]] = {}
        self._wishes: Counter[str] = Counter()  # how many want what is promised
        self._waiting: set[str] = set()  # of these, not begun
        self._fatal: set[str] = set()  # those that a decoder died of once
        self._lock = threading.Lock()
        _make_folder(folder)
        self._threads = [
            threading.Thread(target=self._serve, name=f"derivatives-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def name_of(root: Path, row: Row, look: Look = PLAIN) -> str:
        """The name of an image's derivative; it changes with the file."""
        words = (look.word,) if look.word else ()
        return digest_of(_VERSION, os.fsencode(root), os.fsencode(row.path), row.size, row.mtime_ns, *words)[:40]

    def turn(self) -> int:
        """A turn for a sheet: it comes before all sheets that have theirs already."""
        return -next(self._numbers)

    def get(
        self, name: str, source: Path, urgency: Urgency = Urgency.NOW, look: Look = PLAIN, turn: int = 0
    ) -> Future[Path]:
        """The file of a derivative, made when there is none yet.

        The future raises UnreadableImageError where the image cannot be shown, and is cancelled where all who wanted it have
        withdrawn.

        Args:
            look: part of the name.
            turn: among those of the same urgency; the least comes first.
        """
        with self._lock:
            known = self._promised.get(name)
            future = self._found(name) if known is None else known
            if future.done():
                return future
            self._wishes[name] += 1
            if known is None:
                self._promised[name] = future
                self._waiting.add(name)
            if known is None or urgency is not Urgency.AHEAD:
                # What is promised already, again, further to the front; whoever comes to it second finds it done.
                self._orders.put(_Order(urgency, turn, next(self._numbers), name, source, look))
            return future

    def withdraw(self, name: str, future: Future[Path]) -> None:
        """Somebody no longer wants what `get` has promised; what nobody wants is not begun."""
        with self._lock:
            if self._promised.get(name) is not future:
                return
            self._wishes[name] -= 1
            if self._wishes[name] > 0 or name not in self._waiting:
                return
            self._waiting.remove(name)
            del self._promised[name], self._wishes[name]
        future.cancel()

    def close(self) -> None:
        """Ends the workers; what waits is given up."""
        for _ in self._threads:
            self._orders.put(_Order(_END, 0, next(self._numbers), "", Path()))
        for thread in self._threads:
            thread.join(0.5)  # one in the middle of an image ends with this process

    def _found(self, name: str) -> Future[Path]:
        future: Future[Path] = Future()
        if _holds_something(self._file(name)):
            future.set_result(self._file(name))
        elif reason := _text_in(self._note(name)):
            future.set_exception(UnreadableImageError(reason))
        return future

    def _serve(self) -> None:
        worker = WorkerProcess(self._seconds)
        while (order := self._orders.get()).urgency != _END:
            with self._lock:
                if order.name not in self._waiting:
                    continue
                self._waiting.remove(order.name)
                future = self._promised[order.name]
            self._make(worker, order, future)
        worker.close()

    def _make(self, worker: WorkerProcess, order: _Order, future: Future[Path]) -> None:
        try:
            error = self._derive(worker, order)
        except OSError as problem:
            folder = self._file(order.name).parent
            error = UnavailableError(f"no derivative can be written to {folder}: {problem.strerror or problem}")
        except UnavailableError as problem:
            log.warning("no derivative of %r: %s", str(order.source), problem)
            error = problem
        except Exception as problem:  # this thread serves all who come later
            log.exception("no derivative of %r", str(order.source))
            error = UnavailableError(f"no derivative of {order.source}: {type(problem).__name__}: {problem}")
        self._settle(order.name, future, error)

    def _derive(self, worker: WorkerProcess, order: _Order) -> Exception | None:
        """Makes the derivative; or else says why there is none, and notes it where that is not going to change."""
        target = self._file(order.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            reason = worker.derive(order.source, target, order.look)
        except WorkerDiedError as error:
            log.warning("the image %r cannot be shown: its decoder died (%s)", str(order.source), error)
            reason = "the decoder did not survive this file"
            if order.name not in self._fatal:  # a busy machine or somebody's kill, maybe: it gets a second chance
                self._fatal.add(order.name)
                return UnreadableImageError(reason)
        if reason is None:
            self._trimmer.made(target)
            return None
        if file_of(order.source).is_file():  # one that is away for a while is tried again
            self._take_note(order.name, reason)
        return UnreadableImageError(reason)

    def _take_note(self, name: str, reason: str) -> None:
        try:
            self._note(name).write_text(reason, encoding="utf-8", errors="backslashreplace")
        except OSError as error:  # nothing is lost but the time to find it out again
            log.warning("cannot note in %s why an image cannot be shown: %s", self._note(name), error)

    def _settle(self, name: str, future: Future[Path], error: Exception | None) -> None:
        with self._lock:
            del self._promised[name], self._wishes[name]
        if error is None:
            future.set_result(self._file(name))
        else:
            future.set_exception(error)

    def _file(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.img"

    def _note(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.txt"


def _holds_something(file: Path) -> bool:
    try:
        about = file.stat()
        if about.st_size == 0:  # a power cut may leave an empty one
            return False
        now = time.time_ns()
        if now - about.st_atime_ns > _LATELY_NS:  # used just now: others are trimmed first
            os.utime(file, ns=(now, about.st_mtime_ns))
        return True
    except OSError:
        return False


def _text_in(note: Path) -> str:
    """What a note says; nothing where there is none, or none that can be read: the reason is then found out again."""
    try:
        return note.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"pictures cannot be kept in {folder}: {error.strerror};"
            " set ACTIVE_LABELER_DERIVATIVES to a folder that can be written"
        ) from error
