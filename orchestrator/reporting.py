"""What a person sees of a run while it is at work: lines, progress bars, and where it stands."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from orchestrator.rates import Rates

log = logging.getLogger("active_labeler")
_TOKEN = re.compile(r"(/join#)\S+")


def without_tokens(text: str) -> str:
    """A line as it may stand in a log: links to the page without what lets people in."""
    return _TOKEN.sub(r"\1", text)


class Bar(Protocol):
    """The progress of one long step."""

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        """``done`` units so far; ``note`` is shown beside it, a rate for example.

        ``rates`` are of a step that knows its own; ``note`` then says how long it will take, and nothing else does.
        """
        ...


class Reporter(Protocol):
    """Where lines and progress go."""

    def say(self, text: str) -> None:
        """A line for the person who watches."""
        ...

    def invite(self, text: str) -> None:
        """A line that somebody has to act on: it is shown even where others are not."""
        ...

    def bar(self, step: str, total: int, unit: str) -> AbstractContextManager[Bar]:
        """A bar for a long step; use it as a context."""
        ...


class TerminalReporter:
    """Lines and bars on standard output; each line is logged, too.

    Args:
        quiet: no lines of progress (the original's ``verbose: 0``); questions and the report are shown all the same.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Logs and prints a line."""
        log.info(text)
        if not self._quiet:
            self.console.print(text, markup=False)

    def invite(self, text: str) -> None:
        """Logs and prints a line, quiet or not."""
        log.info(without_tokens(text))
        self.console.print(text, markup=False)

    @contextmanager
    def bar(self, step: str, total: int, unit: str) -> Iterator[Bar]:
        """A bar that goes away when the step is done; the line about the step stays."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{unit} {{task.fields[note]}}"),
            TimeElapsedColumn(),
            _TimeRemaining(),
        )
        hidden = self._quiet or not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=hidden) as progress:
            task = progress.add_task(step, total=total or None, note="", told=False)
            yield _RichBar(progress, task, None if self._quiet or self.console.is_terminal else self, step, total, unit)


class _TimeRemaining(TimeRemainingColumn):
    """An estimate, where the step tells none itself."""

    def render(self, task: Task) -> Text:
        """The time, or nothing."""
        return Text("") if task.fields["told"] else super().render(task)


class _RichBar:
    """A bar on a terminal; where there is none (a notebook cell, a pipe), a line now and then."""

    def __init__(
        self, progress: Progress, task: object, lines: TerminalReporter | None, step: str, total: int, unit: str
    ):
        self._progress, self._task, self._lines = progress, task, lines
        self._text = (step, total, unit)
        self._said = 0

    def update(self, done: int, note: str = "", rates: Rates | None = None) -> None:
        """Moves the bar; every fifth of the way is a line where there is no terminal."""
        self._progress.update(self._task, completed=done, note=note, told=rates is not None)  # type: ignore[arg-type]
        step, total, unit = self._text
        fifth = done * 5 // total if total else 0
        if self._lines is not None and fifth > self._said and done < total:
            self._said = fifth
            self._lines.console.print(f"  {step}: {done} of {total} {unit} {note}", markup=False)
