"""What a replay works in: copies of a run's record, links to its vectors, and nothing of what is to be computed again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.folder import RunFolder
from orchestrator.journal import read_entries
from services.common.artifacts import ArtifactStore

RECOMPUTED = ("/train", "/fine-tune", "/score", "/score-added", "/select", "/draw")
_MADE_AGAIN = ("heads", "scores", "committees", "clusters")  # kinds of artifacts
Steps = Mapping[str, Any]  # step -> result, in the order of the journal


def computed(steps: Steps) -> list[str]:
    """The steps that a head, scores or a choice came of, in their order; the seed set is none of them."""
    return [step for step in steps if step.startswith(("round-", "finish/")) and step.endswith(RECOMPUTED)]


def out_of_reach(steps: Steps, store: Path) -> set[str]:
    """Those of the computed steps whose vectors are gone: after fine-tuning, only those of the last two encoders stay."""
    wanted, gone, vectors = set(computed(steps)), set(), ""
    for step, result in steps.items():
        if step in wanted and not (store / vectors).is_file():
            gone.add(step)
        if step.rpartition("/")[2] in ("embed", "embed-added"):
            vectors = str(result["generation"]["vectors"]["path"])
    return gone


def scratch_folder(folder: RunFolder, scratch: Path, steps: Steps, gone: set[str]) -> RunFolder:
    """Fills ``scratch`` with what is needed to compute all but the steps that are ``gone``; these stay as they are recorded."""
    for name in ("run.json", "run.yaml"):
        shutil.copy2(folder.path / name, scratch / name)
    shutil.copytree(folder.labels, scratch / folder.labels.name)
    here, there = folder.artifacts, scratch / folder.artifacts.name
    ignored = shutil.ignore_patterns(*_MADE_AGAIN)
    shutil.copytree(
        here,
        there,
        copy_function=os.link,
        ignore=lambda path, names: ignored(path, names) if Path(path) == here else set(),
    )
    _keep(here, there, [steps[step] for step in gone])
    again = [step for step in computed(steps) if step not in gone]
    _forget_encoders(there, steps, again)
    whole = folder.journal.read_bytes()[: read_entries(folder.journal)[1]]  # a kill may have left part of a line
    lines = [line for line in whole.splitlines() if json.loads(line)["step"] not in again]
    (scratch / folder.journal.name).write_bytes(b"".join(line + b"\n" for line in lines))
    return RunFolder(scratch, folder.run)


def _keep(here: Path, there: Path, results: list[Any]) -> None:
    """Links the artifacts that recorded results name."""
    for name in {name for result in results for name in _named(result)}:
        for file in (here / name).parent.glob(f"{Path(name).name}*"):  # with the note beside it
            target = there / file.relative_to(here)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(file, target)


def _forget_encoders(there: Path, steps: Steps, again: list[str]) -> None:
    """Removes what fine-tuning has made, so that it is made again."""
    first = [steps[step]["artifact"]["path"] for step in ("encoder", "reading") if step in steps]
    store = ArtifactStore(there)
    for step in again:
        if step.endswith("/fine-tune") and not steps[step].get("refused"):
            name = str(steps[step]["encoder"]["artifact"]["path"])
            if name not in first:
                store.remove(name)


def _named(result: Any) -> Iterator[str]:
    if isinstance(result, dict):
        if {"path", "sha256"} <= result.keys():
            yield str(result["path"])
        for value in result.values():
            yield from _named(value)
    elif isinstance(result, list):
        for value in result:
            yield from _named(value)
