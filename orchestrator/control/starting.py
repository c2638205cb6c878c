"""Starts of runs from the page: one after the other, and one run for each choice while it is at work."""

from __future__ import annotations

import threading

from orchestrator.control.manager import ENDED, ManagedRun, Runs
from orchestrator.control.prepared import Choice
from orchestrator.settings import RunSettings


class Starts:
    """Whoever presses twice, or asks again because no answer came, gets the run that the first call has started.

    Args:
        runs: where they are at work.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._lock = threading.Lock()

    def start(self, choice: Choice) -> ManagedRun:
        """The run of what was chosen: the one that is at work already, or a new one with folders of its own.

        Raises:
            ActiveLabelerError: whatever is wrong with the choice, or keeps a run from starting.
        """
        with self._lock:  # a folder for results is nobody's until its run is there
            wanted = self._runs.prepared().settings(choice)
            for managed in self._runs.all():
                if managed.board.state not in ENDED and _same(managed.settings, wanted):
                    return managed
            return self._runs.start(wanted, resume=False)


def _same(known: RunSettings, wanted: RunSettings) -> bool:
    """Whether both are one choice: all but the folders, which are new for each run, below one for all."""
    places = {"output": wanted.output, "runtime": wanted.runtime}
    return known.output.parent == wanted.output.parent and known.model_copy(update=places) == wanted
