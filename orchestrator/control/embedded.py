"""The control service of a run that this process works on itself: the page may ask and answer what the terminal may."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.clients.labeler import Links
from orchestrator.control.events import EventAsker, EventLog, EventReporter
from orchestrator.control.manager import ManagedRun
from orchestrator.control.prepared import Prepared
from orchestrator.control.servicer import registration
from orchestrator.folder import RunFolder
from orchestrator.questions import Question, Standing, TerminalAsker
from orchestrator.rates import Rates
from orchestrator.reporting import Bar, Reporter
from orchestrator.run import Run, Stopped
from orchestrator.service_settings import PreparedSettings
from orchestrator.settings import RunSettings
from protos.errors import ConflictError, NotFoundError
from protos.rpc import Tls, serve

_LOOK_S = 0.1


class OneRun:
    """The only run that there is."""

    def __init__(self, managed: ManagedRun) -> None:
        self._managed = managed

    def start(self, settings: RunSettings, resume: bool) -> ManagedRun:
        """Refuses: this process has its run."""
        raise ConflictError(
            f"this process works on the run in {self._managed.folder.path} alone; `active-labeler serve` takes several"
        )

    def get(self, run: str) -> ManagedRun:
        """The run, where that is its name."""
        if run != self._managed.folder.run:
            raise NotFoundError(f"there is no run {run!r} here; there is {self._managed.folder.run}")
        return self._managed

    def all(self) -> list[ManagedRun]:
        """The run."""
        return [self._managed]

    def links(self) -> Links:
        """Where people label on this run."""
        if self._managed.work is None:
            raise NotFoundError(f"the page of run {self._managed.folder.run} is not open yet; ask again in a moment")
        return self._managed.work.clients.labeler.links()

    def prepared(self) -> Prepared:
        """Nothing."""
        return Prepared(PreparedSettings())


class BothAskers:
    """Asks the terminal and the page; the first answer wins."""

    def __init__(self, terminal: TerminalAsker, page: EventAsker) -> None:
        self._terminal, self._page = terminal, page

    def ask(self, question: Question, standing: Standing) -> str:
        """Waits for either.

        Raises:
            Stopped: when the run is stopped meanwhile.
        """
        while (answer := self.wish(question)) is None:
            if self._page.stopping:
                raise Stopped
            time.sleep(_LOOK_S)
        return answer

    def wish(self, question: Question) -> str | None:
        """What either has said since the last call."""
        answer = self._page.wish(question)
        if answer is None and (answer := self._terminal.wish(question)) is not None:
            self._page.withdraw()
        return answer


class BothReporters:
    """Tells the terminal, and whoever watches at the control service."""

    def __init__(self, terminal: Reporter, events: EventReporter) -> None:
        self._terminal, self._events = terminal, events

    def say(self, text: str) -> None:
        """A line."""
        self._terminal.say(text)
        self._events.say(text)

    def invite(self, text: str) -> None:
        """A line that somebody has to act on."""
        self._terminal.invite(text)
        self._events.invite(text)

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Bar]:
        """The progress of a step, on both."""
        with self._terminal.bar(step, total, unit) as first, self._events.bar(step, total, unit) as second:
            yield _BothBars(first, second)


class _BothBars:
    def __init__(self, first: Bar, second: Bar) -> None:
        self._bars = (first, second)

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        """Progress."""
        for bar in self._bars:
            bar.update(done, note, rates)


@dataclass
class EmbeddedControl:
    """A control service at work: its address, and how the loop asks and tells by it."""

    address: str
    managed: ManagedRun
    asker: BothAskers
    reporter: BothReporters

    def follow(self, work: Run) -> None:
        """Shows what ``work`` is doing from now on."""
        work.board = self.managed.board
        work.stopping = lambda: self.managed.asker.stopping
        self.managed.work = work


@contextmanager
def embedded_control(
    settings: RunSettings, folder: RunFolder, terminal: TerminalAsker, reporter: Reporter, tls: Tls | None = None
) -> Iterator[EmbeddedControl]:
    """Serves the control contract for one run, on a socket that only this user reaches.

    Args:
        tls: that of this process, where it has any: the labeler, which has it from the same environment, speaks nothing else.
    """
    events = EventLog(folder.run)
    page = EventAsker(events)
    managed = ManagedRun(folder, settings, events, page)
    sockets = Path(tempfile.mkdtemp(prefix="active-labeler-control-"))
    server = serve([registration(OneRun(managed))], f"unix:{sockets}/control.sock", tls=tls)
    try:
        yield EmbeddedControl(
            server.address,
            managed,
            BothAskers(terminal, page),
            BothReporters(reporter, EventReporter(events, log=False)),
        )
    finally:
        managed.work = None
        server.stop(0)
        shutil.rmtree(sockets, ignore_errors=True)
