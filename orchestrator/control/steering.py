"""What the page may change about a run at work."""

from __future__ import annotations

from orchestrator import config_file
from orchestrator.control.manager import ManagedRun
from protos.errors import ConflictError


def set_continuous(managed: ManagedRun, on: bool) -> None:
    """Continuous mode on or off, from the next round on, and for the time after a resume, too.

    Raises:
        ConflictError: when the run is not at work, or answers itself.
    """
    work = managed.work
    if work is None:
        raise ConflictError(f"run {managed.folder.run} is not at work (it is {managed.board.state}); resume it first")
    labeling = work.settings.labeling
    if labeling.simulate:
        raise ConflictError(f"nobody labels in run {managed.folder.run}: its answers are simulated")
    settings = work.settings.model_copy(update={"labeling": labeling.model_copy(update={"continuous": on})})
    config_file.save(settings, work.folder.path / "run.yaml")
    work.settings = managed.settings = settings
