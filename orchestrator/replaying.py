"""Replaying a run: every head, score and choice is computed once more from its record, and compared with what it was.

A head records its position in the label log, its parent and its seed, so nothing but the record is needed. The replay works
in a scratch folder beside copies of the label log and links to the vectors; the run itself is not touched.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import config_file
from orchestrator.folder import RunFolder
from orchestrator.journal import is_at_work, read_entries
from orchestrator.loop import run_loop
from orchestrator.questions import TerminalAsker
from orchestrator.replay_scratch import RECOMPUTED, computed, out_of_reach, scratch_folder
from orchestrator.reporting import TerminalReporter
from orchestrator.run import Stopped
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.session import session
from protos.errors import ConflictError, DamagedError


@dataclass(frozen=True)
class Replayed:
    """Steps that gave the same bytes and the same choices again, those that did not, and those whose vectors are gone."""

    equal: list[str]
    different: list[str]
    gone: list[str] = field(default_factory=list)


def replay(folder: RunFolder, process: OrchestratorSettings) -> Replayed:
    """Computes the heads, scores and choices of a run again.

    Raises:
        ConflictError: when the run is at work, has trained nothing yet, or lives in services elsewhere.
    """
    recorded = {str(entry["step"]): entry["result"] for entry in read_entries(folder.journal)[0]}
    steps = computed(recorded)
    settings = config_file.load(folder.path / "run.yaml", {"labeling.port": 0, "verbose": False})
    if not steps:
        raise ConflictError(f"the run in {folder.path} has trained nothing yet, so there is nothing to replay")
    if is_at_work(folder.journal):
        raise ConflictError(f"the run in {folder.path} is at work; replay it when it has stopped")
    if not folder.artifacts.is_dir():
        raise ConflictError(f"the run in {folder.path} keeps its vectors elsewhere; only embedded runs can be replayed")
    gone = out_of_reach(recorded, folder.artifacts)
    with tempfile.TemporaryDirectory(prefix="replay-", dir=folder.path) as scratch:
        copy = scratch_folder(folder, Path(scratch), recorded, gone)
        with session(settings, copy, TerminalAsker(print), TerminalReporter(quiet=True), process) as work:
            work.replaying, work.recomputed = True, RECOMPUTED
            with suppress(Stopped):
                run_loop(work)
        again = {str(entry["step"]): entry["result"] for entry in read_entries(copy.journal)[0]}
    steps = [step for step in steps if step not in gone]
    equal = [step for step in steps if step in again and _essence(again[step]) == _essence(recorded[step])]
    return Replayed(equal, [step for step in steps if step not in equal], sorted(gone))


def say(replayed: Replayed) -> str:
    """The result in a sentence.

    Raises:
        DamagedError: when something came out differently.
    """
    if replayed.different:
        raise DamagedError(
            f"{len(replayed.different)} of {len(replayed.equal) + len(replayed.different)} steps came out differently,"
            f" {replayed.different[0]} first; was the run made on another kind of machine or by another version,"
            " or have its images changed since?"
        )
    rest = (
        f" {len(replayed.gone)} more cannot be computed again: after fine-tuning, vectors of older encoders are removed."
        if replayed.gone
        else ""
    )
    return f"All {len(replayed.equal)} heads, scores and choices came out as they were, bit by bit.{rest}"


def _essence(result: Any) -> Any:
    """What must be the same: not how long it took."""
    if isinstance(result, dict):
        return json.dumps({key: value for key, value in result.items() if key != "seconds"}, sort_keys=True)
    return json.dumps(result, sort_keys=True)
