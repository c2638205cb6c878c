"""A labeler with images of all sorts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.labeler.web.kit import controlled
from tests.support import control as control_kit

NAMES = ["a.png", "b.png", "broken.jpg", "<img src=x onerror=alert(1)>.png", "\u202egnp.exe.png"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    paint(folder / "data", NAMES)
    (folder / "data" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image at all")
    Image.new("RGB", (3000, 1000), "teal").save(folder / "data" / "large.jpg")
    (Path(os.fsdecode(bytes(folder / "data") + b"/not\xff-utf8.png"))).write_bytes((folder / "data/a.png").read_bytes())
    (folder / "secret.png").write_bytes((folder / "data/a.png").read_bytes())
    started = Service(
        folder,
        ACTIVE_LABELER_ALLOWED_HOSTS="labels.example.org, .lab.example",
        ACTIVE_LABELER_WEB_URL="https://page.example:8443/",
    )
    started.open_run(publish_folder(ArtifactStore(folder / "artifacts"), folder / "data"), run="web")
    yield started
    started.stop()


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


@pytest.fixture
def run(service: Service, request: pytest.FixtureRequest) -> str:
    """A run of its own for each test, over the same images."""
    name = f"run{abs(hash(request.node.name))}"
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), service.folder / "data"), run=name)
    service.offer(range(7), run=name)
    return name


@pytest.fixture(scope="module")
def control() -> control_kit.Control:
    """A control service that the test leads."""
    return control_kit.Control()


@pytest.fixture(scope="module")
def led(tmp_path_factory: pytest.TempPathFactory, control: control_kit.Control) -> Iterator[httpx.Client]:
    """A labeler in front of it, with a run "r"."""
    names = ["0.png", "1.png", "2.png", "3.png", "x\u202e.png"]
    with (
        controlled(tmp_path_factory.mktemp("led"), control, names) as started,
        httpx.Client(base_url=started.url, timeout=20) as client,
    ):
        yield client
