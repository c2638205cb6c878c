"""The workshop: derivatives in the order in which people will want them, made once, kept on disk."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

from protos.errors import InvalidInputError, UnavailableError
from services.common.artifacts import digest_of
from services.common.catalog import Row
from services.common.images import UnreadableImageError
from services.common.windows import file_of
from services.labeler.pictures.display import PLAIN, Look
from services.labeler.pictures.orders import Order, Orders, Urgency
from services.labeler.pictures.process import WorkerDiedError, WorkerProcess
from services.labeler.pictures.trimming import Trimmer

log = logging.getLogger(__name__)

_VERSION = 5  # of what derivatives look like
_IDLE_S = 60.0
_LATELY_NS = 60 * 10**9  # of the last look at a file, which is as good as now


class Workshop:
    """Makes and finds derivatives.

    What is cut out of large images has one process of its own, so that all other pictures never wait for it, and so that no more
    than one of them is in the memory whole. It ends when nobody looks closely any more, and all that it keeps with it.

    Args:
        folder: of the cache; may be deleted whenever the labeler is not running.
        workers: processes that decode, besides that one.
        seconds: that one image may take.
        most_bytes: that the cache may hold; 0: any number.
        idle_seconds: after which the process for a closer look ends.

    Raises:
        InvalidInputError: when nothing can be written to the folder.
    """

    def __init__(
        self,
        folder: Path,
        workers: int = 1,
        seconds: float = 30.0,
        most_bytes: int = 0,
        idle_seconds: float = _IDLE_S,
    ) -> None:
        self._trimmer = Trimmer(folder, most_bytes)
        self._folder = folder
        self._seconds = seconds
        self._orders, self._close_orders = Orders(), Orders(gathers=True)
        self._promised: dict[str, Future[Path]] = {}
        self._wishes: Counter[str] = Counter()  # how many want what is promised
        self._waiting: set[str] = set()  # of these, not begun
        self._fatal: set[str] = set()  # those that a decoder died of once
        self._lock = threading.Lock()
        _make_folder(folder)
        usual: tuple[Orders, float | None] = (self._orders, None)
        self._lanes = [usual] * workers + [(self._close_orders, idle_seconds)]
        self._threads = [threading.Thread(target=self._serve, args=lane, daemon=True) for lane in self._lanes]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def name_of(root: Path, row: Row, look: Look = PLAIN) -> str:
        """The name of an image's derivative; it changes with the file."""
        words = (look.word,) if look.word else ()
        return digest_of(_VERSION, os.fsencode(root), os.fsencode(row.path), row.size, row.mtime_ns, *words)[:40]

    def turn(self) -> int:
        """A turn for a sheet: it comes before all sheets that have theirs already."""
        return self._orders.newest_turn()

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
                (self._close_orders if look.is_close else self._orders).put(urgency, turn, name, source, look)
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
        for orders, _ in self._lanes:
            orders.end()
        for thread in self._threads:
            thread.join(0.5)  # one in the middle of an image ends with this process

    def _found(self, name: str) -> Future[Path]:
        future: Future[Path] = Future()
        if _holds_something(self._file(name)):
            future.set_result(self._file(name))
        elif reason := _text_in(self._note(name)):
            future.set_exception(UnreadableImageError(reason))
        return future

    def _serve(self, orders: Orders, patience_s: float | None) -> None:
        worker = WorkerProcess(self._seconds)
        for order in orders.taken(patience_s):
            if order is None:
                worker.close()
                continue
            with self._lock:
                orders.begin(order)
                if order.name not in self._waiting:
                    continue
                self._waiting.remove(order.name)
                future = self._promised[order.name]
            self._make(worker, order, future)
        worker.close()

    def _make(self, worker: WorkerProcess, order: Order, future: Future[Path]) -> None:
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

    def _derive(self, worker: WorkerProcess, order: Order) -> Exception | None:
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
