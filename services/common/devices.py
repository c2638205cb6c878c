"""Which device to compute on, and whose turn it is on a GPU.

Replicas that see the same GPUs each claim one by a lock on a file named after its UUID, in a folder that they share. The
operating system frees the lock of a process that dies.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from pydantic import Field

from protos.errors import ActiveLabelerError, ConflictError, InvalidInputError
from services.common.settings import ServiceSettings

log = logging.getLogger(__name__)

WORKER = f"{socket.gethostname()}-{secrets.token_hex(4)}"  # tells replicas apart, also after a restart
IDLE_S = 60.0
WAIT_S = IDLE_S + 30.0  # longer than another worker keeps an idle GPU
_POLL_S = 0.1
_NAME = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


def choose_device(name: str, strict: bool = False) -> torch.device:
    """The device that ``name`` stands for on this machine; "auto" takes CUDA when there is any.

    Args:
        name: "auto", "cpu", "cuda" or "cuda:N"; "" stands for "auto".
        strict: refuse "cuda" where there is none (a deployed worker) instead of warning and using the processor.

    Raises:
        InvalidInputError: for another name, or a GPU number that this machine has not.
        ConflictError: when strict, and there is no GPU.
    """
    name = name.strip().lower() or "auto"
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"device {name!r} is not known; it takes auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not count):
        return torch.device("cpu")
    if not count:
        if strict:
            raise ConflictError(f"device {name} is asked for, but this machine has no GPU that works; use auto or cpu")
        log.warning("device %s is asked for, but this machine has no GPU that works: using the processor", name)
        return torch.device("cpu")
    number = int(name.partition(":")[2] or -1)
    if number >= count:
        raise InvalidInputError(f"device {name} is asked for, but this machine has {count} GPUs, numbered from 0")
    return torch.device("cuda") if number < 0 else torch.device("cuda", number)


def describe_device(device: torch.device) -> str:
    """For example "cpu" or "cuda:0 NVIDIA H200"."""
    if device.type != "cuda":
        return str(device)
    return f"cuda:{device.index or 0} {torch.cuda.get_device_name(device)}"


def gpu_uuids() -> list[str]:
    """The UUID of each GPU that this process sees, in the order of their numbers."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [str(getattr(torch.cuda.get_device_properties(n), "uuid", f"number-{n}")) for n in range(count)]


class GpuClaim:
    """A GPU that this process holds while it works, and for ``idle_s`` seconds after.

    Args:
        folder: where the lock files are, shared by all replicas of this machine; None: nothing is locked.
        uuids: of the GPUs.
        idle_s: how long an unused GPU is kept.
        release: called after the last use, before the GPU is let go; frees its memory.
    """

    def __init__(
        self,
        folder: Path | None,
        uuids: Sequence[str],
        idle_s: float = IDLE_S,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._uuids, self._idle_s, self._release = folder, list(uuids), idle_s, release
        self._lock = threading.Lock()
        self._held: tuple[int, int] | None = None  # (number of the GPU, descriptor of its lock)
        self._users = 0
        self._timer: threading.Timer | None = None

    @property
    def held(self) -> int | None:
        """The number of the GPU that is held now."""
        return None if self._held is None else self._held[0]

    def words(self, held: int | None) -> str:
        """The GPU that is ``held``, by number and UUID; or that none is."""
        if held is None:
            return f"none of {len(self._uuids)} GPUs claimed now"
        return f"GPU {held}, UUID {self._uuids[held]}{'' if self._folder else ', no locks'}"

    @contextmanager
    def using(self, number: int | None = None, wait_s: float = WAIT_S) -> Iterator[int]:
        """Holds a GPU within the block and yields its number; blocks within blocks, and in threads, share it.

        Args:
            number: the one wanted; None: any free one.
            wait_s: how long to wait for another process to let it go.

        Raises:
            ConflictError: when all are taken that long, or another one than ``number`` is held already.
            InvalidInputError: when there is no GPU of that number.
        """
        if not self._uuids or (number is not None and not 0 <= number < len(self._uuids)):
            raise InvalidInputError(
                f"GPU {number or 0} is asked for, but this worker has {len(self._uuids)}; use auto or cpu"
            )
        end = time.monotonic() + wait_s
        while (held := self._try_join(number)) is None:  # the lock is free while we wait: others may leave and let go
            if time.monotonic() > end:
                wanted = f"all {len(self._uuids)} GPUs are" if number is None else f"GPU {number} is"
                raise ConflictError(f"{wanted} in use by other workers; start fewer, or wait")
            time.sleep(_POLL_S)
        try:
            yield held
        finally:
            self._leave()

    def _try_join(self, number: int | None) -> int | None:
        """The number of the GPU that is held for one more user now; None when none can be had at this moment."""
        with self._lock:
            if self._held is not None and number not in (None, self._held[0]) and not self._users:
                self._drop(self._held[1])
            if self._held is None:
                self._held = self._try_acquire(number)
                if self._held is None:
                    return None
            elif number is not None and number != self._held[0]:
                raise ConflictError(f"this worker holds GPU {self._held[0]}, not {number}; ask for device cuda instead")
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._users += 1
            return self._held[0]

    def _try_acquire(self, number: int | None) -> tuple[int, int] | None:
        for candidate in range(len(self._uuids)) if number is None else [number]:
            descriptor = self._try_lock(self._uuids[candidate])
            if descriptor is not None:
                return candidate, descriptor
        return None

    def _try_lock(self, uuid: str) -> int | None:
        if self._folder is None:
            return -1
        name = re.sub(r"[^A-Za-z0-9-]", "_", uuid)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder / f"gpu-{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise InvalidInputError(
                f"locks of GPUs cannot be kept in {self._folder}: {error.strerror}; set ACTIVE_LABELER_GPU_LOCKS to a"
                " folder that can be written"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._timer = threading.Timer(self._idle_s, self.let_go)
                self._timer.daemon = True
                self._timer.start()

    def let_go(self) -> None:
        """Lets the GPU go if nobody uses it."""
        with self._lock:
            if self._held is not None and not self._users:
                self._drop(self._held[1])

    def _drop(self, descriptor: int) -> None:
        self._release()
        self._held = None  # before the lock is free: who gets it next must not find it held here
        if descriptor >= 0:
            os.close(descriptor)


class DeviceSettings(ServiceSettings):
    """The settings of a service that may compute on a GPU."""

    device: str = Field(
        "auto", description='where to compute when a call does not say: "auto", "cpu", "cuda", "cuda:N"'
    )
    require_device: bool = Field(
        False,
        description="refuse cuda where there is no GPU, as a deployed worker should, instead of using the processor",
    )
    gpu_locks: Path | None = Field(
        None, description="folder of the locks by which workers of one machine claim GPUs; not given: none is claimed"
    )


class Devices:
    """Lends devices to calls; a GPU is claimed while it is lent.

    Args:
        settings: of the service.
        on_release: called before a GPU is let go; frees its memory.
    """

    def __init__(self, settings: DeviceSettings, on_release: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._claim = GpuClaim(settings.gpu_locks, gpu_uuids(), release=on_release)
        self._without: str | None = None

    def words(self) -> str:
        """What this worker computes on now, for a person: "cpu", or the GPU that it holds, with name and UUID."""
        held = self._claim.held
        if held is not None:
            return f"{describe_device(torch.device('cuda', held))} ({self._claim.words(held)})"
        if self._without is None:  # found out once: the choice warns where a GPU is missing
            try:
                self._without = str(choose_device(self._settings.device, self._settings.require_device))
            except ActiveLabelerError as error:
                self._without = f"none: {error}"
        return f"{self._without} ({self._claim.words(None)})" if self._without.startswith("cuda") else self._without

    def details(self) -> dict[str, str]:
        """The health details of a worker: its name, and what it computes on."""
        return {"worker": WORKER, "device": self.words()}

    @contextmanager
    def use(self, name: str = "") -> Iterator[torch.device]:
        """The device that ``name`` (or, when it is empty, the settings) stands for, held within the block.

        Raises:
            InvalidInputError: for a name or number that there is not.
            ConflictError: when it is a GPU that cannot be had.
        """
        device = choose_device(name or self._settings.device, self._settings.require_device)
        if device.type != "cuda":
            yield device
            return
        with self._claim.using(device.index) as number:
            yield torch.device("cuda", number)

    @contextmanager
    def use_several(self, name: str, count: int) -> Iterator[list[torch.device]]:
        """So many devices for a call's ``name``, all held within the block: GPUs, or the processor so many times.

        Raises:
            InvalidInputError: when a single GPU is named for several, or this machine has fewer.
            ConflictError: when they cannot be had.
        """
        with self.use(name) as first, ExitStack() as others:
            if first.type != "cuda":
                yield [first] * count
                return
            uuids = gpu_uuids()
            given = name or self._settings.device
            if count > 1 and ":" in given:
                raise InvalidInputError(f"{count} devices are asked for, but {given} is one; use device cuda")
            if count > len(uuids):
                raise InvalidInputError(f"{count} devices are asked for, but this machine has {len(uuids)} GPUs")
            numbers = [first.index]
            if self._settings.gpu_locks is None:
                numbers += [number for number in range(len(uuids)) if number != first.index][: count - 1]
            else:  # a lock for each: those that are held, by this process too, are passed over
                for _ in range(count - 1):
                    claim = GpuClaim(self._settings.gpu_locks, uuids, idle_s=0)
                    others.callback(claim.let_go)
                    numbers.append(others.enter_context(claim.using()))
            yield [torch.device("cuda", number) for number in numbers]
