"""One of four real workers in turn is killed every two seconds, and started again, while 10,000 images are embedded.

``make proof-workers`` runs it (a minute or two; the starts of workers take one of two cores); it needs the shared test data.
"""

from __future__ import annotations

import math
import subprocess
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
BACK_S = (
    4.0  # one that is not back for so long is waited for: on a busy machine a start takes longer than all four turns
)
ENCODER = EncoderSpec("minicnn128", 128, 32)
BATCH_S = 0.1  # a batch takes so much longer, as a large encoder would: long enough to be killed in the middle of one


class Crew:
    """Workers at some ports."""

    def __init__(self, ports: Sequence[int], store: Path) -> None:
        self._ports, self._store = ports, store
        self.processes = [start(port, store, BATCH_S) for port in ports]
        for process in self.processes:
            wait_ready(process)
        self._back = [0.0 for _ in ports]  # when each was ready; infinite while it is not
        self.kills = 0

    @contextmanager
    def dying(self) -> Iterator[None]:
        """Within the block, every two seconds the next one is killed, and started again at once."""
        ended = threading.Event()
        thread = threading.Thread(target=self._kill, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _kill(self, ended: threading.Event) -> None:
        while not ended.wait(EVERY_S):
            at = self.kills % WORKERS
            while time.monotonic() - self._back[at] < BACK_S and not ended.wait(0.05):
                pass
            if ended.is_set():
                return
            self._back[at] = math.inf
            stop([self.processes[at]])
            self.processes[at] = start(self._ports[at], self._store, BATCH_S)
            threading.Thread(target=self._await, args=(at, self.processes[at]), daemon=True).start()
            self.kills += 1

    def _await(self, at: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        if process.stdout.readline().startswith("READY"):
            self._back[at] = time.monotonic()


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
            seconds = time.monotonic() - begin
            pace = f", one in {seconds / crew.kills:.1f} s" if crew.kills else ""
            print(f"\n{name}: {seconds:.0f} s, {crew.kills} workers killed{pace}")
            assert seen.replaced == []
            return Published.of(run, embedded), crew.kills
        finally:
            stop(crew.processes)
