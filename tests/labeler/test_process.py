"""The service as a process: starting, refusing to start, ending without orphans."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx
import psutil
import pytest

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder, wait_for

NAMES = [f"{n}.png" for n in range(20)]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    paint(tmp_path / "data", NAMES)
    return tmp_path / "data"


def _started(folder: Path, images: Path, **environment: str) -> Service:
    service = Service(folder, **environment)
    assert service.error == ""
    service.open_run(publish_folder(ArtifactStore(folder / "artifacts"), images))
    service.offer(range(20))
    with httpx.Client(base_url=service.url) as web:  # a picture starts the worker
        assert web.get("api/runs/r1/images/0", timeout=30).status_code == 200
    return service


@pytest.mark.parametrize("how", ["pipe", "kill", "terminate"])
def test_the_worker_goes_with_the_labeler(tmp_path: Path, images: Path, how: str) -> None:
    service = _started(tmp_path, images)
    children = psutil.Process(service.process.pid).children(recursive=True)
    assert len(children) == 1
    if how == "kill":
        service.kill()
    elif how == "terminate":
        service.process.terminate()
        assert service.process.wait(15) == 0
    else:
        service.stop()
        assert service.process.returncode == 0
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


def test_a_port_in_use_is_named_with_its_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = Service(tmp_path, ACTIVE_LABELER_WEB_PORT=str(port))
    assert service.process.returncode == 4
    (line,) = [line for line in service.error.splitlines() if line.startswith("error: ")]
    assert f"port {port} of 127.0.0.1 is in use" in line
    assert "ACTIVE_LABELER_WEB_PORT" in line
    assert "Traceback" not in service.error


def test_a_second_labeler_on_the_same_labels_is_refused(tmp_path: Path) -> None:
    first = Service(tmp_path)
    second = Service(tmp_path)
    assert second.process.returncode == 4
    assert "another labeler has the label store" in second.error
    assert "Traceback" not in second.error
    first.stop()
    third = Service(tmp_path)
    assert third.error == ""
    third.stop()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("ACTIVE_LABELER_WEB_HOST", "not a host", "is no address to listen on"),
        ("ACTIVE_LABELER_WEB_HOST", "192.0.2.1", "cannot listen on 192.0.2.1"),
        ("ACTIVE_LABELER_DATABASE", "mysql://h/n", "'mysql' is no database"),
        ("ACTIVE_LABELER_LABELS", "/proc/labels", "labels cannot be kept in"),
        ("ACTIVE_LABELER_DERIVATIVES", "/proc/derivatives", "pictures cannot be kept in"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, setting: str, value: str, sentence: str) -> None:
    service = Service(tmp_path, **{setting: value})
    assert service.process.returncode == 2
    assert sentence in service.error
    assert "Traceback" not in service.error


def test_the_page_is_announced(tmp_path: Path) -> None:
    service = Service(tmp_path, ACTIVE_LABELER_WEB_URL="https://labels.example.org/run/")
    assert "the labeling page is at https://labels.example.org/run/" in service.log.read_text()
    service.process.terminate()
    service.process.wait(15)


def test_answers_outlive_a_killed_labeler(tmp_path: Path, images: Path) -> None:
    service = _started(tmp_path, images)
    acknowledged = []
    with httpx.Client(base_url=service.url) as web:
        cards = web.post("api/runs/r1/sync", json={"client": "c" * 12, "want": 12}).json()["cards"]
        for number, card in enumerate(cards):
            said = {"sequence": number, "item": card["item"], "round": 1, "answer": "positive"}
            answer = web.post("api/runs/r1/sync", json={"client": "c" * 12, "events": [said]})
            acknowledged += [card["item"] for _ in answer.json()["saved"]]
    service.kill()
    again = Service(tmp_path)
    assert [item for item, _ in again.answers()] == acknowledged == [card["item"] for card in cards]
    again.stop()


def test_the_pipe_stops_it_soon_even_with_a_watcher_and_an_open_page(tmp_path: Path, images: Path) -> None:
    from protos import labeler_pb2 as pb

    service = _started(tmp_path, images)
    stream = service.stub.WatchQueue(pb.GetQueueRequest(run="r1", round=1))
    next(stream)
    with httpx.Client(base_url=service.url) as web:
        web.get("")
        start = time.monotonic()
        import os

        os.close(service.pipe)
        service.process.wait(15)
    assert time.monotonic() - start < 5
    stream.close()
    service.channel.close()
