"""One of four real workers in turn is killed every two seconds, and started again, while 10,000 images are embedded.

``make proof-workers`` runs it (minutes on two cores: to start a worker costs more than to embed); it needs the shared test data.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.embedding import embed, list_data
from services.common.catalog import BLOCK_ROWS
from services.common.encoders.spec import EncoderSpec
from tests.support.embedder_process import free_ports, start, stop, wait_ready
from tests.support.embedder_stage import Stage
from tests.support.published import Published, watching

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

WORKERS, EVERY_S, IMAGES = 4, 2.0, 10_000
ENCODER = EncoderSpec("resnet18", 512, 64)


class Crew:
    """Workers at some ports."""

    def __init__(self, ports: Sequence[int], store: Path) -> None:
        self._ports, self._store = ports, store
        self.processes = [start(port, store) for port in ports]
        self.kills = 0
        for process in self.processes:
            wait_ready(process)

    @contextmanager
    def dying(self) -> Iterator[None]:
        """Within the block, one in turn is killed every two seconds, and started again at once."""
        ended = threading.Event()

        def kill() -> None:
            while not ended.wait(EVERY_S):
                at = self.kills % len(self.processes)
                stop([self.processes[at]])
                self.processes[at] = start(self._ports[at], self._store)
                self.kills += 1

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def test_ten_thousand_images_while_a_worker_dies_every_two_seconds(cifar: Path, tmp_path: Path) -> None:
    stage = Stage(tmp_path, cifar, ENCODER)
    calm, _ = _embed(stage, "calm", dying=False)
    killed, kills = _embed(stage, "killed", dying=True)
    assert kills >= WORKERS
    assert killed.items == list(range(IMAGES))
    assert killed.files == -(-IMAGES // BLOCK_ROWS)
    assert killed.present == IMAGES
    assert (killed.vectors, killed.contents) == (calm.vectors, calm.contents)


def _embed(stage: Stage, name: str, dying: bool) -> tuple[Published, int]:
    """What is embedded in the end, and how many workers were killed meanwhile."""
    ports = free_ports(WORKERS)
    with stage.run(name, ports, in_flight=8) as (run, encoder):
        crew = Crew(ports, run.store.root)
        try:
            listed, begin = list_data(run), time.monotonic()
            with watching(run.store.root / "blocks") as seen:
                if dying:
                    with crew.dying():
                        embedded = embed(run, listed, encoder)
                else:
                    embedded = embed(run, listed, encoder)
            print(f"\n{name}: {time.monotonic() - begin:.0f} s, {crew.kills} workers killed")
            assert seen.replaced == []
            return Published.of(run, embedded), crew.kills
        finally:
            stop(crew.processes)
