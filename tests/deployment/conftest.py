"""A stack of containers, where there is a Docker engine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from demo.digits import write_digits
from demo.encoder import read_images, save, train
from tests.conftest import REPOSITORY
from tests.support.command import Rows

COLLECTOR = (
    "http://collector:4317"  # of traces; only where the images have the extra otel (make test-compose EXTRAS=otel)
)
PAGE = "http://localhost:{port}/"
# Of the containers, and the tag of their images: two checkouts may test on one machine at once.
PROJECT = f"active-labeler-test-{os.getpid()}"
_ROWS = (
    "import json, sqlite3;"
    "log = sqlite3.connect('file:/labels/labels.sqlite?mode=ro', uri=True);"
    "print(json.dumps(sorted(log.execute('SELECT item, answer, round FROM events WHERE run = ?', ('{run}',)).fetchall())))"
)


@dataclass(frozen=True)
class Stack:
    """The running containers, and the folders of this machine that they see.

    Attributes:
        folder: with ``data/``, ``config/`` and ``results/``.
        url: of the labeling page.
    """

    folder: Path
    url: str
    environment: dict[str, str]

    def compose(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs ``docker compose ARGUMENTS`` to its end."""
        return subprocess.run(
            ["docker", "compose", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs ``active-labeler ARGUMENTS`` in the orchestrator's container."""
        return self.compose("exec", "-T", "orchestrator", "active-labeler", *arguments)

    def image(self, name: str) -> str:
        """The image of a service."""
        return f"active-labeler-{name}:{self.environment['ACTIVE_LABELER_TAG']}"

    def has_extra(self, name: str) -> bool:
        """Whether the images were built with this extra of pyproject.toml (``make test-compose EXTRAS="otel openvino"``)."""
        return name in self.environment.get("ACTIVE_LABELER_EXTRAS", "").split()

    def token(self, role: str) -> str:
        """The token of a link that ``active-labeler link`` prints: "admin" or "annotator"."""
        told = self.run("link")
        words = {"admin": "To steer the loop", "annotator": "To label"}[role]
        found = re.search(
            rf"^{words}.*: +{re.escape(PAGE.format(port=self.url[17:-1]))}join#(\S+)$", told.stdout, re.MULTILINE
        )
        assert found is not None, told.stdout + told.stderr
        return found[1]

    def label_rows(self, run: str) -> Rows:
        """The (item, answer, round) rows of a run's label log, sorted."""
        done = self.compose("exec", "-T", "labeler", "python", "-c", _ROWS.format(run=run))
        assert done.returncode == 0, done.stderr
        return [(int(item), answer, int(number)) for item, answer, number in json.loads(done.stdout)]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 digits as a data set, a reference image, and a checkpoint of the original's format."""
    folder = tmp_path_factory.mktemp("stack")
    data, config, results = folder / "data" / "Unlabeled", folder / "config", folder / "results"
    write_digits(data)
    for path in sorted(data.iterdir())[300:]:
        path.unlink()
    for made in (config, results):
        made.mkdir()
    torch.set_num_threads(1)
    save(train(read_images(data), epochs=2), config / "SIMCLR_digits.ckpt")
    (config / "reference.png").write_bytes(min(data.glob("*_three.png")).read_bytes())
    for made in (folder, folder / "data", data, config, *folder.parents[:2]):
        made.chmod(0o755)  # pytest's folders are closed to other users, and the containers are another user
    results.chmod(0o777)
    return folder


def settings_of(place: Path, project: str = PROJECT) -> dict[str, str]:
    """What stands in the ``.env`` of a stack, with a free port for its page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "COMPOSE_PROJECT_NAME": project,
        "ACTIVE_LABELER_TAG": PROJECT,
        "ACTIVE_LABELER_DATA": str(place / "data"),
        "ACTIVE_LABELER_RESULTS": str(place / "results"),
        "ACTIVE_LABELER_CONFIG": str(place / "config"),
        "ACTIVE_LABELER_USER": "1234:1234",
        "ACTIVE_LABELER_WEB_PORT": str(port),
    }


@pytest.fixture(scope="session")
def stack(place: Path) -> Iterator[Stack]:
    """All six containers, built from the working tree, healthy."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose on this machine")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers on this machine")
    settings = settings_of(place)
    running = Stack(place, f"http://127.0.0.1:{settings['ACTIVE_LABELER_WEB_PORT']}/", {**os.environ, **settings})
    if running.has_extra("otel"):
        running.environment["ACTIVE_LABELER_TRACES"] = COLLECTOR
    try:
        built = running.compose("build", timeout_s=1800)
        assert built.returncode == 0, built.stderr[-3000:]
        started = running.compose("up", "--detach", "--wait")
        assert started.returncode == 0, started.stderr + running.compose("logs").stdout
        yield running
    finally:
        running.compose("down", "--volumes", "--rmi", "all", "--timeout", "15")  # the builder's cache stays
