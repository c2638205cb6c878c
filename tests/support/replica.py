"""A replica in a process of its own: ``python -m tests.support.replica NAME``; settings come from the environment.

It answers Select with its name; a run "sleep:S" takes S seconds and touches the file named by the strategy first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import grpc

from protos import sampler_pb2
from services.common.process import run_service
from services.common.settings import ServiceSettings, read_settings
from tests.support.echo import service

ROOT = Path(__file__).resolve().parents[2]
_LIFELINE = os.pipe()


def start(name: str, environment: Mapping[str, str] | None = None, pipe: int | None = None) -> subprocess.Popen[str]:
    """Starts a replica; ``address_of`` waits until it listens. It ends with the test run, however that ends."""
    pipe = _LIFELINE[0] if pipe is None else pipe
    settings = {**os.environ, "ACTIVE_LABELER_LISTEN": "127.0.0.1:0", **(environment or {}), "PYTHONPATH": str(ROOT)}
    settings["ACTIVE_LABELER_PARENT_PIPE"] = str(pipe)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.replica", name],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(pipe,),
    )


def address_of(process: subprocess.Popen[str]) -> str:
    """Where a replica listens."""
    assert process.stdout is not None
    word, _, address = process.stdout.readline().strip().partition(" ")
    assert word == "READY", process.stderr.read() if process.stderr else "no word"
    return address


def main(name: str) -> None:
    def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        if request.run.startswith("sleep:"):
            Path(request.strategy).touch()
            time.sleep(float(request.run.removeprefix("sleep:")))
        return sampler_pb2.SelectResponse(run=name)

    run_service(read_settings(ServiceSettings), lambda: [service(answer)])


if __name__ == "__main__":
    main(sys.argv[1])
