"""Training by several processes: Lightning's data-parallel strategy, one process a GPU, started and watched from here."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

import torch

from protos import errors
from protos.errors import ActiveLabelerError, InternalError, UnavailableError
from services.common.child import environment_of_child
from services.trainer.pretraining.plan import Plan

_POLL_S = 0.1
_LAST_WORDS = 2000


def train_together(
    plan: Plan, folder: Path, devices: Sequence[torch.device], seconds: float, threads: int, wanted: Callable[[], bool]
) -> None:
    """Works on the training in ``folder`` by one process for each device; what they have come to is in its checkpoint.

    Args:
        plan: of the training.
        folder: of its pixels, checkpoint and diary.
        devices: GPUs, or the processor as many times as there are to be processes.
        seconds: after which they end, at the end of an epoch; infinite: with the training.
        threads: processor threads of all together.
        wanted: asked all the time; False ends them at once.

    Raises:
        InvalidInputError: when the training diverges.
        UnavailableError: when nobody waits any more.
        InternalError: when one of them dies, with its last words.
    """
    asked = {
        "plan": asdict(plan),
        "folder": str(folder),
        "seconds": seconds if math.isfinite(seconds) else 0,
        "threads": max(1, threads // plan.devices),
        "gpu": devices[0].type == "cuda",
    }
    with tempfile.TemporaryDirectory() as scratch:
        logs = [Path(scratch) / f"{number}.log" for number in range(plan.devices)]
        with _opened(logs) as files:
            port = _free_port()
            members = [_start(number, plan.devices, port, devices, file) for number, file in enumerate(files)]
            try:
                for member in members:
                    assert member.stdin is not None
                    member.stdin.write(json.dumps(asked).encode("ascii") + b"\n")
                    member.stdin.flush()
                _watch(members, logs, wanted)
            finally:
                for member in members:
                    member.kill()
                    member.communicate()


class _opened:  # noqa: N801 - used as a function
    """Files to write to, closed at the end of the block."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [path.open("wb") for path in paths]

    def __enter__(self) -> list[IO[bytes]]:
        return list(self._files)

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()


def _start(
    number: int, count: int, port: int, devices: Sequence[torch.device], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count), "NODE_RANK": "0"}
    visible = ",".join(str(device.index or 0) for device in devices if device.type == "cuda")
    seen = {"CUDA_VISIBLE_DEVICES": _among_visible(visible)} if visible else {"GLOO_SOCKET_IFNAME": _loopback()}
    return subprocess.Popen(
        [sys.executable, "-m", "services.trainer.pretraining.member"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment_of_child({**places, **seen, "LOCAL_RANK": str(number)}),
    )


def _among_visible(numbers: str) -> str:
    """GPUs by the numbers that this process has for them, as children that see all of the machine's must be told."""
    own = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return ",".join(own[int(number)] for number in numbers.split(",")) if own else numbers


def _loopback() -> str:
    return next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _watch(members: Sequence[subprocess.Popen[bytes]], logs: Sequence[Path], wanted: Callable[[], bool]) -> None:
    """Until all have ended well; the first that does not ends the wait, as the others would wait for it for ever."""
    while any(member.poll() is None for member in members):
        if not wanted():
            raise UnavailableError("the caller left before the encoder was pre-trained; ask again, and it goes on")
        _check(members, logs)
        time.sleep(_POLL_S)
    _check(members, logs)


def _check(members: Sequence[subprocess.Popen[bytes]], logs: Sequence[Path]) -> None:
    for number, (member, log) in enumerate(zip(members, logs, strict=True)):
        if member.poll():
            assert member.stdout is not None
            raise _error(member.stdout.read(), number, member.returncode, log)


def _error(said: bytes, number: int, code: int, log: Path) -> ActiveLabelerError:
    try:
        told = json.loads(said)
        kind: type[ActiveLabelerError] = getattr(errors, told["kind"])
        return kind(told["text"])
    except (ValueError, KeyError, AttributeError):
        words = log.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        return InternalError(
            f"process {number} of the pre-training ended with code {code}: {last}; ask again, and it goes on from its checkpoint"
        )
