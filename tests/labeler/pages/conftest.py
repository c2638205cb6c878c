"""A browser, a labeler, and runs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

from protos import control_pb2
from tests.labeler.kit import CHROMIUM, CHROMIUM_FLAGS, Service, paint
from tests.labeler.pages.kit import HOSTILE, NAMES, ROWS, Run, led
from tests.support import control as control_kit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    paint(folder / "data", NAMES, (200, 150))
    started = Service(folder)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A labeler that lets in who has a token."""
    folder = tmp_path_factory.mktemp("guarded")
    paint(folder / "data", NAMES, (200, 150))
    started = Service(folder, ACTIVE_LABELER_WEB_ACCESS="token")
    yield started
    started.stop()


@pytest.fixture
def guarded_run(runs: Callable[..., Run], guarded: Service) -> Run:
    """A run of that labeler, with cards on offer."""
    made = runs(of=guarded, data=guarded.folder / "data")
    made.offer()
    return made


@pytest.fixture
def runs(service: Service, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def make(batch_size: int = 100, data: Path | None = None, of: Service | None = None) -> Run:
        name = f"run{abs(hash(request.node.name))}"
        run = Run(of or service, browser, name, data or service.folder / "data", batch_size)
        made.append(run)
        return run

    yield make
    for run in made:
        run.close()


@pytest.fixture
def run(runs: Callable[..., Run]) -> Run:
    return runs()


@pytest.fixture
def control() -> control_kit.Control:
    """A control service that the test leads."""
    made = control_kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=ROWS, labels=40, positives=7)
    made.scores, made.part = np.linspace(0, 1, ROWS, dtype=np.float32), ROWS
    made.found = [5, 4, 6, 3, 7]
    return made


@pytest.fixture
def led_run(tmp_path: Path, control: control_kit.Control, browser: Browser) -> Iterator[Run]:
    """A run in front of it."""
    with led(tmp_path, control, browser, [f"{n:02}.png" for n in range(ROWS - 1)] + [HOSTILE]) as made:
        yield made
