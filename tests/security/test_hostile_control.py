"""The control service with a real run at work: random bytes, and messages of random content, on every RPC.

Half of the messages name the run, so that they get as far as its files and services. Whatever a request holds, its answer is
a status that says whose fault it is, never INTERNAL or UNKNOWN, and the run goes on.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor import MethodDescriptor

from orchestrator.control.manager import ENDED, ManagedRun, RunManager
from orchestrator.control.servicer import registration
from orchestrator.launcher import Launcher
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.settings import EndpointSettings, RunSettings
from protos import control_pb2, control_pb2_grpc, rpc
from tests.support.hostile import ask
from tests.support.pictures import draw_data_set, picture

CALLS = int(os.environ.get("ACTIVE_LABELER_FUZZ_CALLS", "60"))
METHODS = list(control_pb2.DESCRIPTOR.services_by_name["Control"].methods)
METHODS.sort(key=lambda method: method.name == "StopRun")  # after it there is less to be asked for
SETTINGS = [
    "{}",
    "[]",
    "null",
    "7",
    '"text"',
    "NaN",
    '{"data": null}',
    '{"data": 7, "runtime": [], "output": {}}',
    "[" * 5000,
    '{"data": "' + "x" * 5000 + '"}',
    '{"no": {"such": "setting"}}',
]
PATHS = [
    "a\0b",
    "\ud800",
    "/proc/self/x",
    "/dev/null",
    "/dev/null/x",
    "x" * 300,
    "x/" * 3000,
    "/etc",
    "../" * 50 + "proc/x",
]
PATHS += ["http://[", "file:///etc/passwd", 7, None, [], {"a": 1}]


@dataclass
class Place:
    """A control service, and the run that it works on."""

    channel: grpc.Channel
    run: ManagedRun

    def settings(self) -> list[str]:
        """Settings of runs that cannot be started, on real images and elsewhere."""
        chance, real = random.Random("settings"), self.run.settings
        files: list[Any] = [
            str(real.data),
            str(real.data / "Unlabeled"),
            str(real.seed_set.reference),
            str(real.runtime),
        ]
        return [json.dumps(_settings(chance, [*PATHS, *files])) for _ in range(200)]


def _settings(chance: random.Random, paths: list[Any]) -> dict[str, Any]:
    """Folders of all sorts; the one of the run is never one that could be made."""
    made = {"data": chance.choice(paths), "runtime": chance.choice(paths), "output": chance.choice(paths)}
    groups = {
        "encoder": {"path": chance.choice(paths)},
        "seed_set": {chance.choice(["reference", "folder", "phrase"]): chance.choice(paths)},
        "labeling": {"port": chance.choice([-1, 0, 99999, "x"]), "host": chance.choice(paths)},
        "sampling": {"size": chance.choice([-1, 1, 10**30, float("nan")])},
    }
    return made | {name: group for name, group in groups.items() if chance.random() < 0.3}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("control")
    draw_data_set(folder / "data", positives=6, negatives=18)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    environment = {"ACTIVE_LABELER_ARTIFACTS": str(folder / "store"), "ACTIVE_LABELER_LABELS": str(folder / "labels")}
    launcher = Launcher(folder / "logs", {**environment, "ACTIVE_LABELER_WEB_PORT": "0"})
    try:
        endpoints = launcher.start(EndpointSettings())
        manager = RunManager(OrchestratorSettings(endpoints=endpoints, artifacts=folder / "store", patience_s=0))
        settings = RunSettings.model_validate(
            {
                "data": folder / "data",
                "runtime": folder / "runtime",
                "output": folder / "output",
                "encoder": {"builtin": "hog"},
                "seed_set": {"reference": folder / "reference.png", "count": 6, "repeats": 0},
            }
        )
        run = manager.start(settings, resume=False)
        server = rpc.serve([registration(manager)], f"unix:{folder}/c.sock", threads=32)
        _wait_until_people_are_asked(run)
        with grpc.insecure_channel(server.address) as channel:
            yield Place(channel, run)
        manager.close()
        server.stop(0)
        assert launcher.why_gone() is None
    finally:
        launcher.stop()


def _wait_until_people_are_asked(run: ManagedRun) -> None:
    end = time.monotonic() + 90
    while run.work is None or run.work.results is None:
        assert run.board.state not in ENDED, run.message
        assert time.monotonic() < end, run.board
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("text", SETTINGS, ids=[text[:20] for text in SETTINGS])
def test_settings_that_are_none_are_the_sender_s_fault(place: Place, text: str, resume: bool) -> None:
    stub = control_pb2_grpc.ControlStub(place.channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.StartRun(control_pb2.StartRunRequest(settings_json=text, resume=resume), timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, caught.value.details()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_no_request_is_a_defect_of_the_control_service(
    place: Place, method: MethodDescriptor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # relative paths are of the control service's working directory
    known = {
        "run": [place.run.folder.run],
        "settings_json": [*SETTINGS, *place.settings()],
        "kind": ["scores", "quarantine", "map"],
        "format": ["csv", "coco", "imagefolder"],
        "name": ["images.csv"],
    }
    ask(place.channel, method, CALLS, known)
    assert rpc.is_healthy(place.channel, timeout_s=10)
    if method.name != "StopRun":
        assert place.run.board.state not in ENDED, place.run.message
