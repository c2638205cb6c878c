"""The claim on a GPU: a lock on a file named by its UUID, so that it holds across containers of one machine.

Compose gives every replica every GPU; the lock spreads the workers over them. The operating system lets go of it when a
process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from protos.errors import UnavailableError

_POLL_S = 0.2


@dataclass
class _Held:
    handle: int
    users: int = 0
    timer: threading.Timer | None = field(default=None)


class GpuClaim:
    """The GPUs that this process holds; safe for threads, which share a claim of their process.

    Args:
        folder: of the lock files; workers that share GPUs share it. Made when it is missing.
        idle_s: a GPU is let go so long after its last use.
        wait_s: how long to wait for one that another process holds.
        on_release: called when a GPU is let go, before another process can claim it.
    """

    def __init__(
        self, folder: Path, idle_s: float = 60, wait_s: float = 180, on_release: Callable[[], None] = lambda: None
    ) -> None:
        self._folder, self._idle_s, self._wait_s, self._on_release = folder, idle_s, wait_s, on_release
        self._held: dict[str, _Held] = {}
        self._guard = threading.Lock()

    @contextmanager
    def using(self, uuids: Sequence[str]) -> Iterator[str]:
        """Claims one of ``uuids`` (one that this process holds already first) and yields it.

        Raises:
            UnavailableError: when other processes hold all of them for longer than the wait.
        """
        uuid = self._wait_for_one(uuids)
        try:
            yield uuid
        finally:
            self._done(uuid)

    @property
    def held(self) -> list[str]:
        """The UUIDs that this process holds now."""
        with self._guard:
            return sorted(self._held)

    def _wait_for_one(self, uuids: Sequence[str]) -> str:
        end = time.monotonic() + self._wait_s
        while True:
            with self._guard:
                uuid = self._take(uuids)
            if uuid is not None:
                return uuid
            if time.monotonic() >= end:
                raise UnavailableError(
                    f"other workers hold all {len(uuids)} GPU(s) wanted; start fewer workers or set device to cpu"
                )
            time.sleep(min(_POLL_S, self._wait_s))

    def _take(self, uuids: Sequence[str]) -> str | None:
        for uuid in sorted(uuids, key=lambda one: one not in self._held):
            held = self._held.get(uuid) or self._lock(uuid)
            if held is not None:
                if held.timer is not None:
                    held.timer.cancel()
                held.timer, held.users = None, held.users + 1
                self._held[uuid] = held
                return uuid
        return None

    def _lock(self, uuid: str) -> _Held | None:
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                self._folder.chmod(0o777)  # workers of other users claim the same GPUs
        path = self._folder / f"{uuid}.lock"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return _Held(handle)

    def _done(self, uuid: str) -> None:
        with self._guard:
            held = self._held[uuid]
            held.users -= 1
            if held.users == 0:
                held.timer = threading.Timer(self._idle_s, self._let_go, (uuid, held))
                held.timer.daemon = True
                held.timer.start()

    def _let_go(self, uuid: str, held: _Held) -> None:
        with self._guard:
            if held.users or self._held.get(uuid) is not held:
                return  # somebody came back while the timer fired
            self._on_release()
            del self._held[uuid]
            os.close(held.handle)
