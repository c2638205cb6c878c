"""The runs of a daemon, each in a thread of its own."""

from __future__ import annotations

import errno
import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator import config_file
from orchestrator.claiming import check_unclaimed, claim_output, release_output
from orchestrator.clients.labeler import Links, links_at
from orchestrator.control import remembered
from orchestrator.control.events import EventAsker, EventLog, EventReporter
from orchestrator.control.exports import Exports, results_of
from orchestrator.control.prepared import Prepared
from orchestrator.folder import RunFolder, abandon, check_free, create, open_existing
from orchestrator.labels import LabelLog, Labels
from orchestrator.loop import run_loop
from orchestrator.outputs.ownership import check_outputs_free
from orchestrator.places import check_places
from orchestrator.resuming import resumed
from orchestrator.run import Board, Run, Stopped
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.session import session
from orchestrator.settings import RunSettings
from protos.errors import (
    ActiveLabelerError,
    ConflictError,
    DeadlineError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

log = logging.getLogger("active_labeler")
ENDED = ("finished", "stopped", "failed")
_CLOSING_S = 4.0  # for all runs together: with the calls that are let finish before, it is well below ten seconds
_PASSING = (UnavailableError, DeadlineError)  # a service is away or frozen: nothing is wrong with the run


@dataclass
class ManagedRun:
    """A run at work, or at its end.

    Attributes:
        left: what it was when it ended; its files are there, its services are not.
        interrupted: it ended because a service was gone, and goes on at the next start of the daemon.
    """

    folder: RunFolder
    settings: RunSettings
    events: EventLog
    asker: EventAsker
    board: Board = field(default_factory=Board)
    message: str = ""
    interrupted: bool = False
    work: Run | None = None
    left: Run | None = None
    thread: threading.Thread | None = None
    exports: Exports = field(default_factory=Exports)
    _log: LabelLog | None = None
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def newest_labels(self, work: Run) -> Labels:
        """The labels as they are now; of the log only what is new is read."""
        with self._reading:
            if self._log is None or self._log.client is not work.clients.labeler:
                self._log = LabelLog(work.clients.labeler, work.id)
            return self._log.newest()


class Runs(Protocol):
    """Where the control service finds its runs."""

    def start(self, settings: RunSettings, resume: bool) -> ManagedRun:
        """Starts a run, or goes on with the one in its runtime folder."""
        ...

    def get(self, run: str) -> ManagedRun:
        """A run by its name; NotFoundError when there is none."""
        ...

    def all(self) -> list[ManagedRun]:
        """All runs."""
        ...

    def links(self) -> Links:
        """The addresses of the labeling page; NotFoundError while there is none."""
        ...

    def prepared(self) -> Prepared:
        """What the page may start runs of."""
        ...


class RunManager:
    """Starts, stops and remembers runs.

    Args:
        process: where the services are, and the like.
        remembered: file with the runtime folders of runs that have not ended, or ended because a service was gone; they
            are resumed at the next start.
    """

    def __init__(self, process: OrchestratorSettings, remembered: Path | None = None) -> None:
        self._process = process
        self._remembered = remembered
        self._lock = threading.Lock()
        self._runs: dict[str, ManagedRun] = {}
        self._remembering = threading.Lock()
        self._to_resume: list[str] = []
        self._closing = False

    def start(self, settings: RunSettings, resume: bool) -> ManagedRun:
        """Starts a run, or goes on with the one in its runtime folder.

        Raises:
            ConflictError: when it is at work already, or its folders are another run's.
            ActiveLabelerError: whatever is wrong with the settings.
        """
        with self._lock:
            folder, settings = _open(settings, resume)
            _claim(settings, folder)
            known = self._runs.get(folder.run)
            if known is not None and known.board.state not in ENDED:
                if resume:
                    return known
                raise ConflictError(f"run {folder.run} in {folder.path} is at work already; watch it with resume")
            return self._launch(folder, settings)

    def get(self, run: str) -> ManagedRun:
        """A run by its name.

        Raises:
            NotFoundError: when there is none.
        """
        found = self._runs.get(run)
        if found is None:
            raise NotFoundError(f"there is no run {run!r} here; there are {', '.join(self._runs) or 'none'}")
        return found

    def all(self) -> list[ManagedRun]:
        """All runs since the daemon was started."""
        return list(self._runs.values())

    def links(self) -> Links:
        """The addresses of the labeling page.

        Raises:
            NotFoundError: when this daemon knows no labeler.
        """
        address = self._process.endpoints.labeler
        if address is None:
            raise NotFoundError(
                "this orchestrator knows no labeler; set ACTIVE_LABELER_ENDPOINTS__LABELER where it is started, or give"
                " `active-labeler link` the runtime folder of a run"
            )
        return links_at(address, self._process.tls)

    def prepared(self) -> Prepared:
        """What the page may start runs of."""
        return Prepared(self._process.prepared)

    def resume_remembered(self) -> None:
        """Goes on with the runs that were at work when the daemon was stopped or killed."""
        self._to_resume = remembered.read(self._remembered) if self._remembered is not None else []
        for path in list(self._to_resume):
            try:
                settings = config_file.load(Path(path) / "run.yaml")
                self.start(settings, resume=True)
                log.info("resuming the run in %s", path)
            except (ActiveLabelerError, OSError) as error:
                log.warning("cannot resume the run in %s: %s", path, error)
            self._to_resume.remove(path)

    def close(self) -> None:
        """Stops all runs after the step that they are in; they are resumed when the daemon is back."""
        self._closing = True
        for managed in self.all():
            managed.asker.stopping = True
        end = time.monotonic() + _CLOSING_S
        for managed in self.all():
            if managed.thread is not None:
                managed.thread.join(max(0.0, end - time.monotonic()))

    def _launch(self, folder: RunFolder, settings: RunSettings) -> ManagedRun:
        events = EventLog(folder.run)
        managed = ManagedRun(folder, settings, events, EventAsker(events))
        self._runs[folder.run] = managed
        managed.thread = threading.Thread(target=self._work, args=(managed,), name=f"run-{folder.run}", daemon=True)
        managed.thread.start()
        self._remember()
        return managed

    def _work(self, managed: ManagedRun) -> None:
        reporter = EventReporter(managed.events)
        try:
            check_outputs_free(managed.settings.output, managed.folder.run)
            with session(managed.settings, managed.folder, managed.asker, reporter, self._process) as work:
                work.board = managed.board
                work.stopping = lambda: managed.asker.stopping
                managed.work = work
                finished = run_loop(work)
            managed.message = finished.report
            managed.exports.keep(results_of(managed))
            self._end(managed, "finished")
        except Stopped:
            managed.message = f"stopped; nothing is lost: go on with `active-labeler resume {managed.folder.path}`"
            self._end(managed, "stopped")
        except ActiveLabelerError as error:
            managed.interrupted = isinstance(error, _PASSING)
            if not managed.interrupted:
                abandon(managed.folder, error)
            managed.message = str(error)
            self._end(managed, "failed", error.exit_code)
        except Exception as error:
            log.exception("run %s failed", managed.folder.run)
            managed.message = f"{type(error).__name__}: {error}; the log of the orchestrator has more"
            self._end(managed, "failed", ActiveLabelerError.exit_code)

    def _end(self, managed: ManagedRun, state: str, exit_code: int = 0) -> None:
        managed.left, managed.work = managed.work, None
        release_output(managed.settings.output, managed.folder)
        managed.board.state = state
        managed.events.add(text=managed.message, state=state, exit_code=exit_code)
        log.info("run %s %s", managed.folder.run, state)
        if not self._closing:
            self._remember()

    def _remember(self) -> None:
        """Writes down what is to be resumed; called by every run's thread."""
        if self._remembered is None:
            return
        with self._remembering:
            at_work = [str(m.folder.path) for m in self.all() if m.interrupted or m.board.state not in ENDED]
            paths = list(dict.fromkeys([*at_work, *self._to_resume]))
            try:
                remembered.write(self._remembered, paths)
            except OSError as error:
                log.warning("cannot note in %s which runs are at work: %s", self._remembered, error)


def _open(settings: RunSettings, resume: bool) -> tuple[RunFolder, RunSettings]:
    """The folder of a run, made or found, and the settings that it goes on with."""
    try:
        if resume and (settings.runtime / "run.json").exists():
            folder = open_existing(settings.runtime)
            settings = resumed(config_file.load(folder.path / "run.yaml"), settings)
            config_file.save(settings, folder.path / "run.yaml")
            return folder, settings
        check_free(settings.runtime)
        check_places(settings)
        check_outputs_free(settings.output, "")
        check_unclaimed(settings.output, "")
        return create(settings), settings
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise InvalidInputError(
            f"{error.filename or settings.runtime} cannot be used ({error.strerror}): mend that, or give another folder"
        ) from error


def _claim(settings: RunSettings, folder: RunFolder) -> None:
    try:
        claim_output(settings.output, folder)
    except ActiveLabelerError as error:
        abandon(folder, error)
        raise
