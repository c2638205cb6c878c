"""``active-labeler run`` as a client of a running orchestrator: the same lines, the same questions."""

from __future__ import annotations

import sys
import time
from typing import Any

from orchestrator.questions import Question, Standing, TerminalAsker
from orchestrator.reporting import TerminalReporter
from orchestrator.settings import RunSettings
from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import (
    ActiveLabelerError,
    ConflictError,
    DamagedError,
    ExhaustedError,
    InvalidInputError,
    UnavailableError,
)

_PATIENCE_S = 300.0


def run(control: str, settings: RunSettings, resume: bool, tls: rpc.Tls | None) -> None:
    """Starts or resumes a run there, and follows it to its end. Ctrl-C ends the watching only, with exit code 130.

    Raises:
        ActiveLabelerError: when the run fails, with its sentence.
    """
    channel = rpc.connect(control, tls=tls)
    rpc.wait_until_healthy(channel, "orchestrator", _PATIENCE_S)
    stub = control_pb2_grpc.ControlStub(channel)
    request = control_pb2.StartRunRequest(settings_json=settings.to_json(), resume=resume)
    started = stub.StartRun(request).run
    reporter = TerminalReporter(quiet=not settings.verbose)
    try:
        last = _follow(stub, started, reporter)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"The run goes on at {control}; only this window has stopped watching it."
            f" Watch it again with `active-labeler resume {settings.runtime}`\n"
        )
        sys.exit(130)
    if last.state == "failed":
        raise _error(last)
    reporter.console.print(last.text, markup=False)


def _error(event: control_pb2.RunEvent) -> ActiveLabelerError:
    """The failure of a run there, which ends the command line here as it would have there."""
    kinds = (InvalidInputError, ConflictError, DamagedError, UnavailableError, ExhaustedError)
    kind = next((kind for kind in kinds if kind.exit_code == event.exit_code), ActiveLabelerError)
    return kind(event.text)


def _follow(stub: Any, run: str, reporter: TerminalReporter) -> control_pb2.RunEvent:
    """Shows events until the run ends; goes on where it was when the connection breaks."""
    after, end = 0, time.monotonic() + _PATIENCE_S
    while True:
        try:
            for event in stub.WatchRun(control_pb2.WatchRunRequest(run=run, after=after)):
                end = time.monotonic() + _PATIENCE_S
                if event.state in ("finished", "stopped", "failed"):
                    return control_pb2.RunEvent.FromString(event.SerializeToString())
                _show(stub, run, event, reporter)
                after = event.sequence  # only now: a question whose answer did not arrive is shown again
        except UnavailableError:
            if time.monotonic() > end:
                raise
        time.sleep(1)


def _show(stub: Any, run: str, event: control_pb2.RunEvent, reporter: TerminalReporter) -> None:
    if event.text:
        reporter.say(event.text)
    if event.HasField("question") and _still_open(stub, run, event.question.id):
        question = Question(event.question.id, event.question.text, tuple(event.question.choices))
        asker = TerminalAsker(lambda text: reporter.console.print(text, markup=False))
        answer = asker.ask(question, Standing(0, [], 0))
        reply = stub.AnswerQuestion(control_pb2.AnswerQuestionRequest(run=run, question=question.id, answer=answer))
        if not reply.accepted:
            sys.stdout.write("Somebody else was faster with an answer.\n")


def _still_open(stub: Any, run: str, question: str) -> bool:
    """Whether a question waits for an answer: past events are shown again to those who come late."""
    return bool(stub.GetRun(control_pb2.GetRunRequest(run=run)).question.id == question)
