"""Several people, or one who is impatient, start runs from the page at once: one start after the other, one run for a choice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.control.manager import RunManager
from orchestrator.control.prepared import CONFIGURATION, DATA, ENCODER
from orchestrator.control.servicer import registration
from orchestrator.service_settings import OrchestratorSettings, PreparedSettings
from protos import control_pb2, control_pb2_grpc, rpc
from protos.control_pb2 import StartPreparedRequest
from protos.errors import UnavailableError
from tests.labeler.kit import wait_for
from tests.support import bench


class Place:
    """An orchestrator whose runs are at work, waiting for their labeler, until `let_end`."""

    def __init__(self, folder: Path, address: str) -> None:
        bench.touch_images(folder / "data" / "craters", ["a.png"])
        (folder / "config").mkdir()
        (folder / "config" / "small.yaml").write_text("question: A small one?\nencoder: {builtin: hog}\n")
        (folder / "results").mkdir()
        prepared = PreparedSettings(data=folder / "data", config=folder / "config", results=folder / "results")
        self._process = OrchestratorSettings(
            endpoints=bench.five(address), artifacts=folder / "store", patience_s=0, prepared=prepared
        )
        self._folder = folder
        self.begin()

    def begin(self) -> None:
        """The orchestrator, which goes on with what was at work."""
        self.manager = RunManager(self._process, self._folder / "at-work.json")
        self.manager.resume_remembered()
        self._server = rpc.serve([registration(self.manager)], f"unix:{self._folder}/c.sock", threads=16)
        self._channel = rpc.connect(self._server.address)
        self.stub = control_pb2_grpc.ControlStub(self._channel)

    def end(self) -> None:
        """Ends the orchestrator."""
        self._channel.close()
        self._server.stop(0)
        self.manager.close()

    def request(self, **more: object) -> StartPreparedRequest:
        found = self.stub.ListPrepared(control_pb2.ListPreparedRequest())
        data = next(thing.number for thing in getattr(found, DATA) if thing.name == "craters")
        given = {DATA: data, CONFIGURATION: found.configuration[0].number, ENCODER: found.encoder[0].number}
        return StartPreparedRequest(**{**given, "name": "mine", **more})  # type: ignore[arg-type]

    def start(self, request: StartPreparedRequest) -> str:
        return str(self.stub.StartPrepared(request).run)

    def at_once(self, requests: list[StartPreparedRequest]) -> list[str]:
        """The names of the runs of requests that all come at the same time."""
        ready = threading.Barrier(len(requests))

        def send(request: StartPreparedRequest) -> str:
            ready.wait()
            return self.start(request)

        with ThreadPoolExecutor(len(requests)) as senders:
            return list(senders.map(send, requests))

    def wait_for_end(self, run: str) -> None:
        wait_for(lambda: self.stub.GetRun(control_pb2.GetRunRequest(run=run)).state == "failed")

    def outputs(self) -> list[str]:
        """The folders of all runs, by name."""
        runs = self.stub.ListRuns(control_pb2.ListRunsRequest()).runs
        return sorted(Path(run.output_path).name for run in runs)


@pytest.fixture
def let_end() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def place(tmp_path: Path, let_end: threading.Event) -> Iterator[Place]:
    def open_run() -> str:
        let_end.wait()
        raise UnavailableError("the database of the labeler is away")

    server = rpc.serve([bench.labeler(open_run)], f"unix:{tmp_path}/s.sock", threads=32)
    made = Place(tmp_path, server.address)
    yield made
    let_end.set()
    made.end()
    server.stop(0)


def test_the_same_choice_at_once_is_one_run(place: Place) -> None:
    runs = place.at_once([place.request(question="Yes?", reference=b"picture")] * 6)
    assert len(set(runs)) == 1
    assert place.outputs() == ["mine"]


def test_the_same_choice_again_is_the_run_that_is_at_work(place: Place) -> None:
    first = place.start(place.request())
    assert place.start(place.request()) == first
    others = [
        {"question": "No?"},
        {"definition": "A ring."},
        {"reference": b"x"},
        {"configuration": 0},
        {"name": "his"},
    ]
    runs = [place.start(place.request(**other)) for other in others]
    assert len({first, *runs}) == 6
    assert place.start(place.request()) == first


def test_other_choices_under_one_name_at_once_are_runs_with_folders_of_their_own(place: Place) -> None:
    runs = place.at_once([place.request(question=f"{number}?") for number in range(4)])
    assert len(set(runs)) == 4
    assert place.outputs() == ["mine", "mine-2", "mine-3", "mine-4"]


def test_an_orchestrator_that_came_back_knows_what_it_goes_on_with(place: Place, let_end: threading.Event) -> None:
    """A page that was not answered asks again, and reaches the next one."""
    first = place.start(place.request(reference=b"picture"))
    let_end.set()
    place.wait_for_end(first)  # of a service that is away: it goes on at the next start
    place.end()
    let_end.clear()
    place.begin()
    assert place.start(place.request(reference=b"picture")) == first


def test_a_choice_whose_run_has_ended_is_started_anew(place: Place, let_end: threading.Event) -> None:
    first = place.start(place.request())
    let_end.set()
    place.wait_for_end(first)
    assert place.start(place.request()) != first
    assert place.outputs() == ["mine", "mine-2"]
