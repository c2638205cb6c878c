"""The control service of a run that this process works on itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.certificates import write_certificates
from orchestrator.control.embedded import EmbeddedControl, embedded_control
from orchestrator.folder import RunFolder
from orchestrator.questions import Question, Standing, TerminalAsker
from orchestrator.rates import Rates, WorkerRate
from orchestrator.reporting import TerminalReporter
from orchestrator.run import Stopped
from protos import control_pb2 as pb
from protos import rpc
from protos.control_pb2_grpc import ControlStub
from protos.errors import ConflictError, InvalidInputError, NotFoundError
from tests.support import bench

QUESTION = Question("round-1/choice", "Train [l] or finish [q]?", ("l", "q"))
WISH = Question("wish", "Finish [q]?", ("q",), optional=True)


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedControl]:
    monkeypatch.setattr("sys.stdin", None)
    folder = RunFolder(tmp_path / "runtime", "r1")
    with embedded_control(bench.run_settings(tmp_path), folder, TerminalAsker(print), TerminalReporter()) as made:
        yield made


@pytest.fixture
def stub(control: EmbeddedControl) -> Iterator[ControlStub]:
    with rpc.connect(control.address) as channel:
        yield ControlStub(channel)


def _asked(control: EmbeddedControl) -> tuple[threading.Thread, list[str]]:
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(control.asker.ask(QUESTION, Standing(0, [], 0))))
    thread.start()
    return thread, answers


def test_the_page_answers_what_the_terminal_was_asked(control: EmbeddedControl, stub: ControlStub) -> None:
    thread, answers = _asked(control)
    request = pb.AnswerQuestionRequest(run="r1", question=QUESTION.id, answer=" L ")
    end = time.monotonic() + 20
    while not stub.AnswerQuestion(request).accepted:
        assert time.monotonic() < end
    thread.join(20)
    assert answers == ["l"]
    assert not stub.AnswerQuestion(request).accepted  # it is no longer asked


def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(
    control: EmbeddedControl, stub: ControlStub
) -> None:
    assert control.asker.wish(WISH) is None
    with pytest.raises(InvalidInputError, match="'x' is no answer; type one of q"):
        stub.AnswerQuestion(pb.AnswerQuestionRequest(run="r1", question="wish", answer="x"))
    assert stub.AnswerQuestion(pb.AnswerQuestionRequest(run="r1", question="wish", answer="q")).accepted
    assert control.asker.wish(WISH) == "q"


def test_watchers_see_lines_and_questions(control: EmbeddedControl, stub: ControlStub) -> None:
    control.reporter.say("Scored 10 images")
    control.asker.wish(WISH)
    with control.reporter.bar("Labeling", 10, "images") as bar:
        bar.update(3)
    seen = []
    for event in stub.WatchRun(pb.WatchRunRequest(run="r1")):
        seen.append(event)
        if event.total:
            break
    assert seen[0].text == "Scored 10 images"
    assert (seen[1].question.id, seen[1].question.optional, seen[1].state) == ("wish", True, "labeling")
    assert (seen[2].step, seen[2].done, seen[2].total) == ("Labeling", 3, 10)


def test_watchers_and_the_dashboard_see_each_worker(control: EmbeddedControl, stub: ControlStub) -> None:
    rates = Rates(30.0, (WorkerRate("host-a", "cpu", 20.0), WorkerRate("host-b", "cuda:1 NVIDIA H200", 10.0)))
    with control.reporter.bar("Embedding", 100, "images") as bar:
        bar.update(40, rates.words(60), rates)
        seen = next(iter(stub.WatchRun(pb.WatchRunRequest(run="r1"))))
        board = stub.GetDashboard(pb.GetDashboardRequest(run="r1"))
    assert seen.note == "30 images/s, 0:00:02 left; 2 workers: a 20/s, b 10/s"
    assert (seen.unit, seen.per_second) == ("images", 30)
    assert (board.step, board.done, board.total, board.per_second) == ("Embedding", 40, 100, 30)
    assert [(one.name, one.device, one.per_second) for one in board.workers] == [
        ("host-a", "cpu", 20),
        ("host-b", "cuda:1 NVIDIA H200", 10),
    ]


def test_stopping_ends_a_question(control: EmbeddedControl, stub: ControlStub) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            control.asker.ask(QUESTION, Standing(0, [], 0))
        except Stopped as stopped:
            caught.append(stopped)

    thread = threading.Thread(target=ask)
    thread.start()
    stub.StopRun(pb.StopRunRequest(run="r1"))
    thread.join(20)
    assert len(caught) == 1


def test_it_knows_one_run_and_starts_no_other(control: EmbeddedControl, stub: ControlStub, tmp_path: Path) -> None:
    assert [run.run for run in stub.ListRuns(pb.ListRunsRequest()).runs] == ["r1"]
    with pytest.raises(NotFoundError, match="there is no run 'other' here; there is r1"):
        stub.GetRun(pb.GetRunRequest(run="other"))
    with pytest.raises(ConflictError, match="active-labeler serve"):
        stub.StartRun(pb.StartRunRequest(settings_json=bench.run_settings(tmp_path).to_json()))


def test_with_certificates_it_speaks_to_nobody_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    write_certificates(tmp_path / "tls")
    own = tmp_path / "tls" / "orchestrator"
    tls = rpc.Tls(own / "certificate.pem", own / "key.pem", own / "authority.pem")
    folder, bare = RunFolder(tmp_path / "runtime", "r1"), (TerminalAsker(print), TerminalReporter())
    with embedded_control(bench.run_settings(tmp_path), folder, *bare, tls) as made:
        with rpc.connect(made.address, tls=tls) as channel:
            assert ControlStub(channel).GetRun(pb.GetRunRequest(run="r1")).run == "r1"
        with rpc.connect(made.address) as channel:
            assert not rpc.is_healthy(channel, timeout_s=1)
