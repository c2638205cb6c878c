"""Exports that the page asks for: written beside the results of a run while it goes on, and read from there in parts."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.adding import newest_catalog
from orchestrator.exporting import Wish, check_wish, wish_of, write_now
from orchestrator.labels import LabelLog
from orchestrator.outputs.formats.registry import FOLDERS, FORMATS
from orchestrator.outputs.ownership import DATASET, MODEL, model_name
from orchestrator.places import data_root, metric_csv, prob_csv
from orchestrator.results import Results
from orchestrator.run import Board, Run
from protos.errors import ActiveLabelerError, ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.control.manager import ManagedRun
    from orchestrator.rates import Rates
    from orchestrator.reporting import Bar

log = logging.getLogger("active_labeler")
PLACE = "export"  # a folder in the output folder
PART_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")  # of what can be downloaded
_COARSE_S = 2.0  # some file systems keep times in steps of so long
WORKING, DONE, FAILED = "working", "done", "failed"


@dataclass(frozen=True)
class Export:
    """What became of an export.

    Attributes:
        number: from 1; another export, another number.
        state: "" before the first, `WORKING`, `DONE` or `FAILED`.
        text: where everything is, or what went wrong.
        files: name -> file, those that can be read in parts.
    """

    state: str = ""
    text: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    number: int = 0


@dataclass
class Exports:
    """The exports of one run, one at a time."""

    newest: Export = field(default_factory=Export)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, managed: ManagedRun, formats: Sequence[str], models: Sequence[str]) -> Export:
        """Begins to write what is named, as everything is now.

        Raises:
            ConflictError: when the run is not at work, has nothing embedded yet, or an export is at work.
            InvalidInputError: for a format or model that is not known.
        """
        work = managed.work
        if work is None or work.latest is None or work.catalogued is None or work.results is None:
            raise ConflictError(
                f"run {managed.folder.run} cannot be exported just now (it is {managed.board.state}); ask again once it has"
                " embedded its images, or use `active-labeler export` where it is not at work"
            )
        if not formats and not models:
            raise InvalidInputError("there is nothing to export; name a format or a model")
        wish = wish_of(work.settings.output / PLACE, work.settings.final_dataset.mode, formats, models)
        check_wish(wish, work.id, data_root(work.settings))
        with self._lock:
            if self.newest.state == WORKING:
                raise ConflictError("an export of this run is at work already; wait for its end")
            begun = self.newest = Export(WORKING, number=self.newest.number + 1)
        threading.Thread(
            target=self._write, args=(_aside(work), wish, begun.number), name="export", daemon=True
        ).start()
        return begun

    def keep(self, results: Sequence[Path]) -> None:
        """Offers the results of a run that has ended for download, beside what was exported before."""
        there = {file.name: file for file in results if _NAME.fullmatch(file.name) and file.is_file()}
        with self._lock:
            before = self.newest
            if there and before.state != WORKING:
                text, files = (before.text, before.files) if before.state == DONE else ("", {})
                self.newest = Export(DONE, text, {**files, **there}, before.number + 1)

    def read(self, name: str, offset: int) -> tuple[bytes, int, int]:
        """A part of a file of the newest export from a byte on, at most `PART_BYTES`; the size of the file; the export's number.

        Raises:
            NotFoundError: when the export has no such file.
        """
        newest = self.newest
        file = newest.files.get(name)
        if file is None:
            known = ", ".join(newest.files) or "none"
            raise NotFoundError(f"the newest export has no file {name[:100]!r}; it has {known}")
        try:
            with file.open("rb") as opened:
                size = opened.seek(0, 2)
                opened.seek(min(offset, size))
                return opened.read(PART_BYTES), size, newest.number
        except OSError as error:
            raise NotFoundError(f"{file} cannot be read ({error.strerror}); export again") from error

    def _write(self, run: Run, wish: Wish, number: int) -> None:
        begun = time.time()
        try:
            self.newest = Export(DONE, _write(run, wish), _files(wish, begun), number)
            log.info("run %s: exported %s to %s", run.id, ", ".join([*wish.formats, *wish.models]), wish.output)
        except ActiveLabelerError as error:
            self.newest = Export(FAILED, str(error), number=number)
            log.warning("run %s: the export failed: %s", run.id, error)
        except Exception as error:
            why = f"{type(error).__name__}: {error}; the log of the orchestrator has more"
            self.newest = Export(FAILED, why, number=number)
            log.exception("run %s: the export failed", run.id)


def results_of(managed: ManagedRun) -> list[Path]:
    """The files that the end of a run has written, the images themselves apart."""
    settings, folder = managed.settings, managed.folder
    tables = [metric_csv(settings), prob_csv(settings)] if settings.metrics.enabled else []
    return [settings.output / MODEL, folder.table, *tables, folder.plot]


def _aside(work: Run) -> Run:
    """The run as it is now, with nothing that would show or stop what the loop does."""
    return replace(work, board=Board(assessed=work.board.assessed), reporter=_Silent(), stopping=lambda: False)


def _write(run: Run, wish: Wish) -> str:
    """Writes everything; the loop may go on meanwhile, as all that it has made is never changed."""
    assert run.latest is not None and run.catalogued is not None and run.results is not None
    labels = LabelLog(run.clients.labeler, run.id)
    if newest_catalog(run, run.catalogued) != run.catalogued:
        raise ConflictError("images are being added to the run just now; export again once they are embedded")
    results = Results(run, run.catalogued, run.latest.embedded, labels)
    results.records = list(run.results.records)
    return write_now(run, run.catalogued, run.latest, labels.newest(), results, wish)


def _files(wish: Wish, begun: float) -> dict[str, Path]:
    """Those that were written since ``begun``: an earlier export may have left others."""
    names = [model_name(kind) for kind in wish.models]
    names += [f"{DATASET}.csv"] if FOLDERS in wish.formats else []
    names += [FORMATS[name].name for name in wish.formats if name != FOLDERS and not FORMATS[name].folder]
    files = {name: wish.output / name for name in names}
    return {name: file for name, file in files.items() if file.is_file() and file.stat().st_mtime >= begun - _COARSE_S}


class _Silent:
    """The lines of an export are in its report."""

    def say(self, text: str) -> None:
        """Nothing."""

    def invite(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Bar]:
        """Nothing is shown."""
        yield self

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        """Nothing."""
