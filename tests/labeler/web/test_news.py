"""Events of the dashboard: what they say, when, and that they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from protos import control_pb2, rpc
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.support import control as kit


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=4, labels=40, positives=7)
    return made


@pytest.fixture
def service(tmp_path: Path, control: kit.Control) -> Iterator[Service]:
    server = rpc.serve([kit.registration(control)], f"unix:{tmp_path}/c.sock")
    paint(tmp_path / "labeler" / "data", ["a.png"])
    made = Service(tmp_path / "labeler", ACTIVE_LABELER_CONTROL=server.address)
    made.open_run(publish_folder(ArtifactStore(made.folder / "artifacts"), made.folder / "data"), run="r")
    yield made
    made.stop()
    server.stop(0)


def test_a_change_is_told_and_sameness_is_not(service: Service, control: kit.Control) -> None:
    with httpx.stream("GET", f"{service.url}api/runs/r/news", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
        assert (first["positives"], first["board"]["queue"]["open"]) == (7, 0)
        assert control.status is not None
        control.status.positives = 8
        second = json.loads(next(lines).removeprefix("data: "))
        assert second == {**first, "positives": 8, "rounds": second["rounds"]}
        control.status = None
        assert "no run" in json.loads(next(lines).removeprefix("data: "))["trouble"]


def test_a_listener_does_not_hold_up_the_end(service: Service) -> None:
    with httpx.stream("GET", f"{service.url}api/runs/r/news", timeout=20) as answer:
        next(answer.iter_lines())
        service.stop()  # waits 15 s at most
        assert service.process.poll() == 0
