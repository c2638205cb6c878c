"""Replaying a run: every head, score and choice is computed once more from its record, and compared with what it was.

A head records its position in the label log, its parent and its seed, so nothing but the record is needed. The replay works
in a scratch folder beside copies of the label log and links to the vectors; the run itself is not touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator import config_file
from orchestrator.folder import RunFolder
from orchestrator.journal import is_at_work, read_entries
from orchestrator.loop import run_loop
from orchestrator.questions import TerminalAsker
from orchestrator.reporting import TerminalReporter
from orchestrator.run import Stopped
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.session import session
from protos.errors import ConflictError, DamagedError

RECOMPUTED = ("/train", "/score", "/score-added", "/select")
_SCRATCH = ("heads", "scores", "committees", "clusters")  # kinds of artifacts that have to be made again


@dataclass(frozen=True)
class Replayed:
    """Steps that gave the same bytes and the same choices again, and those that did not."""

    equal: list[str]
    different: list[str]


def replay(folder: RunFolder, process: OrchestratorSettings) -> Replayed:
    """Computes the heads, scores and choices of a run again.

    Raises:
        ConflictError: when the run is at work, has trained nothing yet, or lives in services elsewhere.
    """
    recorded = {str(entry["step"]): entry["result"] for entry in read_entries(folder.journal)[0]}
    steps = [step for step in recorded if _is_recomputed(step)]
    settings = config_file.load(folder.path / "run.yaml", {"labeling.port": 0, "verbose": False})
    if not steps:
        raise ConflictError(f"the run in {folder.path} has trained nothing yet, so there is nothing to replay")
    if is_at_work(folder.journal):
        raise ConflictError(f"the run in {folder.path} is at work; replay it when it has stopped")
    if not folder.artifacts.is_dir():
        raise ConflictError(f"the run in {folder.path} keeps its vectors elsewhere; only embedded runs can be replayed")
    with tempfile.TemporaryDirectory(prefix="replay-", dir=folder.path) as scratch:
        copy = _scratch_folder(folder, Path(scratch))
        with session(settings, copy, TerminalAsker(print), TerminalReporter(quiet=True), process) as work:
            work.replaying, work.recomputed = True, RECOMPUTED
            with suppress(Stopped):
                run_loop(work)
        again = {str(entry["step"]): entry["result"] for entry in read_entries(copy.journal)[0]}
    equal = [step for step in steps if step in again and _essence(again[step]) == _essence(recorded[step])]
    return Replayed(equal, [step for step in steps if step not in equal])


def say(replayed: Replayed) -> str:
    """The result in a sentence.

    Raises:
        DamagedError: when something came out differently.
    """
    if replayed.different:
        raise DamagedError(
            f"{len(replayed.different)} of {len(replayed.equal) + len(replayed.different)} steps came out differently,"
            f" {replayed.different[0]} first; was the run made on another kind of machine or by another version?"
        )
    return f"All {len(replayed.equal)} heads, scores and choices came out as they were, bit by bit."


def _is_recomputed(step: str) -> bool:
    return step.startswith("round-") and step.endswith(RECOMPUTED)


def _essence(result: Any) -> Any:
    """What must be the same: not how long it took."""
    if isinstance(result, dict):
        return json.dumps({key: value for key, value in result.items() if key != "seconds"}, sort_keys=True)
    return json.dumps(result, sort_keys=True)


def _scratch_folder(folder: RunFolder, scratch: Path) -> RunFolder:
    for name in ("run.json", "run.yaml"):
        shutil.copy2(folder.path / name, scratch / name)
    shutil.copytree(folder.labels, scratch / folder.labels.name)
    here = folder.artifacts
    ignored = shutil.ignore_patterns(*_SCRATCH)
    shutil.copytree(
        here,
        scratch / here.name,
        copy_function=os.link,
        ignore=lambda path, names: ignored(path, names) if Path(path) == here else set(),
    )
    lines = [line for line in folder.journal.read_bytes().splitlines() if not _is_recomputed(json.loads(line)["step"])]
    (scratch / folder.journal.name).write_bytes(b"".join(line + b"\n" for line in lines))
    return RunFolder(scratch, folder.run)
