"""``active-labeler run`` as a client of a running orchestrator: the same lines, the same questions."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

from orchestrator.questions import Question, Standing, TerminalAsker
from orchestrator.rates import Rates
from orchestrator.reporting import Bar, TerminalReporter
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
_WISH_S = 0.3  # how often standard input is looked at while a question may stay unanswered


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
    watcher = _Watcher(stub, started, reporter)
    try:
        last = watcher.follow()
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


class _Watcher:
    """Shows the events of a run, and brings what is typed here to its questions."""

    def __init__(self, stub: Any, run: str, reporter: TerminalReporter) -> None:
        self._stub, self._run, self._reporter = stub, run, reporter
        self._progress = _Progress(reporter)
        self._asker = TerminalAsker(lambda text: reporter.console.print(text, markup=False))
        self._typing = threading.Lock()  # one reader of standard input at a time
        self._standing: Question | None = None

    def follow(self) -> control_pb2.RunEvent:
        """Shows events until the run ends; goes on where it was when the connection breaks."""
        threading.Thread(target=self._look_for_wishes, name="wishes", daemon=True).start()
        try:
            return self._watch()
        finally:
            self._progress.end()  # a bar hides the cursor

    def _watch(self) -> control_pb2.RunEvent:
        after, end = 0, time.monotonic() + _PATIENCE_S
        while True:
            try:
                for event in self._stub.WatchRun(control_pb2.WatchRunRequest(run=self._run, after=after)):
                    end = time.monotonic() + _PATIENCE_S
                    if event.state in ("finished", "stopped", "failed"):
                        return control_pb2.RunEvent.FromString(event.SerializeToString())
                    self._show(event)
                    after = event.sequence  # only now: a question whose answer did not arrive is shown again
            except UnavailableError:
                if time.monotonic() > end:
                    raise
            time.sleep(1)

    def _show(self, event: control_pb2.RunEvent) -> None:
        if event.total:
            self._progress.show(event)
            return
        self._progress.end()
        if event.text:
            self._reporter.say(event.text)
        if not event.HasField("question"):
            return
        asked = event.question
        question = Question(
            asked.id, asked.text, tuple(asked.choices), optional=asked.optional, wants_example=asked.wants_example
        )
        if question.optional:
            self._standing = question
        elif _still_open(self._stub, self._run, question.id):
            self._standing = None
            with self._typing:
                self._answer(question, self._asker.ask(question, Standing(0, [], 0)))

    def _look_for_wishes(self) -> None:
        while True:
            time.sleep(_WISH_S)
            question = self._standing
            if question is None:
                continue
            with self._typing, suppress(ActiveLabelerError):  # whoever watches tells what is wrong with the connection
                if (wish := self._asker.wish(question)) is not None:
                    self._answer(question, wish)

    def _answer(self, question: Question, answer: str) -> None:
        request = control_pb2.AnswerQuestionRequest(run=self._run, question=question.id, answer=answer)
        if not self._stub.AnswerQuestion(request).accepted:
            sys.stdout.write("Somebody else was faster with an answer.\n")


class _Progress:
    """The bar of the long step at work there; the next event of another kind ends it."""

    def __init__(self, reporter: TerminalReporter) -> None:
        self._reporter = reporter
        self._open = ExitStack()
        self._step = ""
        self._bar: Bar | None = None

    def show(self, event: control_pb2.RunEvent) -> None:
        """Moves the bar; the words beside it are the orchestrator's."""
        if self._bar is None or event.step != self._step:
            self.end()
            self._step = event.step
            self._bar = self._open.enter_context(self._reporter.bar(event.step, event.total, event.unit))
        self._bar.update(event.done, event.note, Rates(event.per_second) if event.per_second else None)

    def end(self) -> None:
        """Takes the bar away, if there is one."""
        self._open.close()
        self._bar = None


def _still_open(stub: Any, run: str, question: str) -> bool:
    """Whether a question waits for an answer: past events are shown again to those who come late."""
    return bool(stub.GetRun(control_pb2.GetRunRequest(run=run)).question.id == question)
