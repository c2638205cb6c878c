"""Real embedders in processes of their own, behind one list of addresses: one may join, others may die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.clients.refs import EncoderRef
from orchestrator.control.events import EventLog, EventReporter
from orchestrator.embedding import embed, list_data
from orchestrator.embedding_note import NAME
from orchestrator.model import Catalogued
from orchestrator.rates import Rates, WorkerRate
from orchestrator.reporting import TerminalReporter
from orchestrator.standing import describe
from tests.support.embedder_process import free_ports, start, stop, wait_ready
from tests.support.embedder_stage import Stage, draw
from tests.support.published import Published, watching

T = TypeVar("T")


@pytest.mark.slow
def test_a_worker_added_while_embedding_gets_work_and_is_shown(tmp_path: Path) -> None:
    ports, events = free_ports(2), EventLog("r")
    stage = Stage(tmp_path, draw(tmp_path / "data", 8000))
    with stage.run("run", ports, EventReporter(events)) as (run, encoder):
        workers = [start(ports[0], run.store.root, 0.1)]
        try:
            wait_ready(workers[0])
            listed = run.once("catalog", Catalogued, lambda: list_data(run))
            run.once("encoder", EncoderRef, lambda: encoder)
            thread = threading.Thread(target=lambda: embed(run, listed, encoder))
            thread.start()
            workers.append(start(ports[1], run.store.root, 0.1))
            wait_ready(workers[1])
            found = _wait_for(thread, lambda: at_work if len(at_work := _at_work(events)) == 2 else None)
            told = _wait_for(
                thread, lambda: said if (said := describe(run.folder)).count("images/s  cpu") == 2 else None
            )
            thread.join(120)
        finally:
            stop(workers)
        assert not (run.folder.path / NAME).exists()
    assert len({one.name for one in found}) == 2
    assert all(one.device == "cpu" and one.per_second > 0 for one in found)
    assert all(f"              {one.name}  " in told for one in found)
    assert told.count(" left") == 1  # one time for both


def _at_work(events: EventLog) -> tuple[WorkerRate, ...]:
    pace = events.pace()
    return pace.workers if pace is not None else ()


def _wait_for(thread: threading.Thread, look: Callable[[], T | None]) -> T:
    """What ``look`` finds while a thread works."""
    while thread.is_alive():
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it was over before anything was seen")


KILLS = 3


class Killing(TerminalReporter):
    """Kills one worker after the other as the first blocks come in, and starts it again; the others go on."""

    def __init__(self, ports: list[int], store: Path, seconds: float) -> None:
        super().__init__(quiet=True)
        self._ports, self._store, self._seconds = ports, store, seconds
        self.workers = [start(port, store, seconds) for port in ports]
        self.killed = 0

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Killing]:  # type: ignore[override]
        yield self

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        if self.killed == KILLS:
            return
        at = self.killed % len(self.workers)
        if self.killed:  # one at a time
            wait_ready(self.workers[at - 1])
        stop([self.workers[at]])
        self.workers[at] = start(self._ports[at], self._store, self._seconds)
        self.killed += 1


@pytest.mark.long
def test_workers_that_are_killed_in_turn_cost_no_image_and_change_no_vector(tmp_path: Path) -> None:
    stage = Stage(tmp_path, draw(tmp_path / "data", 1500, distinct=700))
    found: dict[str, Published] = {}
    kills = 0
    for name in ("calm", "killed"):
        ports = free_ports(2)
        with stage.run(name, ports, in_flight=4) as (run, encoder):
            killing = Killing(ports, run.store.root, 0.05)
            try:
                for worker in killing.workers:
                    wait_ready(worker)
                if name == "killed":
                    run.reporter = killing
                with watching(run.store.root / "blocks") as seen:
                    embedded = embed(run, list_data(run), encoder)
                found[name] = Published.of(run, embedded)
                kills = killing.killed
            finally:
                stop(killing.workers)
        assert seen.replaced == []
    assert kills == KILLS
    calm, killed = found["calm"], found["killed"]
    assert killed.items == list(range(1500))
    assert killed.files == 6  # blocks, each published under its name, and nothing else
    assert killed.present == 1500
    assert (killed.vectors, killed.contents) == (calm.vectors, calm.contents)
