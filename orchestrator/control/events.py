"""What happens in a run, kept for whoever watches, now or later."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.questions import Question, Standing
from orchestrator.rates import Rates, WorkerRate
from orchestrator.reporting import Bar, without_tokens
from orchestrator.run import Stopped

log = logging.getLogger("active_labeler")


@dataclass(frozen=True)
class Event:
    """A line, the progress of a step, a question, or a new state; what does not apply is empty."""

    sequence: int
    time_ms: int
    text: str = ""
    step: str = ""
    done: int = 0
    total: int = 0
    question: Question | None = None
    state: str = ""
    exit_code: int = 0
    unit: str = ""
    note: str = ""
    rates: Rates | None = None


@dataclass(frozen=True)
class Pace:
    """A long step at work, and the workers at it where it tells of them; ``per_second`` is not-a-number until it is known."""

    step: str
    done: int
    total: int
    per_second: float
    workers: tuple[WorkerRate, ...] = ()


@dataclass
class EventLog:
    """Events of one run in order. Progress is only kept as the newest of its kind.

    Their numbers begin with the time in milliseconds, so that whoever watched before a restart of the daemon misses nothing.
    """

    run: str
    _events: list[Event] = field(default_factory=list)
    _next: int = field(default_factory=lambda: int(time.time() * 1000))
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _began: Event | None = None  # the first progress of the step that is at work

    def add(self, **what: object) -> None:
        """Appends an event and wakes all who watch."""
        with self._changed:
            event = Event(self._next, int(time.time() * 1000), **what)  # type: ignore[arg-type]
            self._next += 1
            if event.total and self._events and self._events[-1].total and self._events[-1].step == event.step:
                self._events.pop()
            elif event.total:
                self._began = event
            self._events.append(event)
            self._changed.notify_all()

    def pace(self) -> Pace | None:
        """How fast the long step goes that is at work; None when the newest event is no progress of one."""
        with self._changed:
            newest = self._events[-1] if self._events else None
            if newest is None or not newest.total or newest.done >= newest.total:
                return None
            if newest.rates is not None:  # the step knows better, and the terminal says the same
                return Pace(newest.step, newest.done, newest.total, newest.rates.per_second, newest.rates.workers)
            began = self._began or newest
            seconds = (newest.time_ms - began.time_ms) / 1000
            rate = (newest.done - began.done) / seconds if seconds > 0 else float("nan")
            return Pace(newest.step, newest.done, newest.total, rate)

    def after(self, sequence: int, seconds: float) -> list[Event]:
        """Events with a higher number; waits up to ``seconds`` for one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._events) and self._events[-1].sequence > sequence, seconds)
            return [event for event in self._events if event.sequence > sequence]


class EventReporter:
    """Lines and progress of a run become events, and lines of the log with the run's name.

    Args:
        events: where they are kept.
        log: whether lines are logged, too.
    """

    def __init__(self, events: EventLog, log: bool = True) -> None:
        self._events, self._log = events, log

    def say(self, text: str) -> None:
        """A line."""
        if self._log:
            log.info("run %s: %s", self._events.run, without_tokens(text))
        self._events.add(text=text)

    def invite(self, text: str) -> None:
        """A line that somebody has to act on."""
        self.say(text)

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Bar]:
        """The progress of a step."""
        yield _EventBar(self._events, step, total, unit)


class _EventBar:
    def __init__(self, events: EventLog, step: str, total: int, unit: str) -> None:
        self._events, self._step, self._total, self._unit = events, step, total, unit

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        """Progress."""
        self._events.add(step=self._step, done=done, total=self._total, unit=self._unit, note=note, rates=rates)


class EventAsker:
    """A question becomes an event, and waits until somebody answers it; the first answer wins."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._answered = threading.Condition()
        self._open: Question | None = None
        self._answer: str | None = None
        self.stopping = False

    def ask(self, question: Question, standing: Standing) -> str:
        """Blocks until there is an answer.

        Raises:
            Stopped: when the run is stopped meanwhile.
        """
        with self._answered:
            self._open, self._answer = question, None
            self._events.add(question=question, state="asking")
            while self._answer is None:
                if self.stopping:
                    raise Stopped
                self._answered.wait(0.5)
            self._open = None
            self._events.add(state="running")
            return self._answer

    def wish(self, question: Question) -> str | None:
        """The answer that somebody has given to a question that stays open; the first call opens it."""
        with self._answered:
            if self._open is None or self._open.id != question.id:
                self._open, self._answer = question, None
                self._events.add(question=question, state="labeling" if question.optional else "asking")
            answer, self._answer = self._answer, None
            if answer is not None:
                self._open = None
            return answer

    def withdraw(self) -> None:
        """The open question needs no answer any more: somebody else had one."""
        with self._answered:
            if self._open is not None:
                self._open, self._answer = None, None
                self._events.add(state="running")

    def answer(self, question: str, answer: str) -> bool:
        """Whether this answer was the first to the open question ``question``.

        Raises:
            InvalidInputError: when the question does not take it.
        """
        with self._answered:
            if self._open is None or self._open.id != question or self._answer is not None:
                return False
            self._answer = self._open.check(answer)
            self._answered.notify_all()
            return True
