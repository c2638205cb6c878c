"""What the page may change about a run at work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrator import config_file
from orchestrator.adding import newest_catalog, open_page
from orchestrator.clients.refs import Pick
from orchestrator.control.manager import ManagedRun
from orchestrator.control.values import scores_of
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, InvalidInputError

CHOSEN = "chosen"  # reason of a card that a person asked for; the labeler does not replace such cards
MOST_CHOSEN = 1000


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
    if work.catalogued is not None:
        open_page(work, newest_catalog(work, work.catalogued), settings)
    config_file.save(settings, work.folder.path / "run.yaml")
    work.settings = managed.settings = settings


def queue_items(managed: ManagedRun, items: Sequence[int]) -> int:
    """Puts images on offer that a person has chosen, behind those of the round; returns how many of them were new.

    Images that have an answer, or cannot be read, are left out.

    Raises:
        ConflictError: when the run is not at work, has nothing embedded, or answers itself.
        InvalidInputError: for no images, too many of them, or one that the run does not have.
    """
    if not 0 < len(items) <= MOST_CHOSEN:
        raise InvalidInputError(f"{len(items)} images cannot be put on offer at once; choose 1 to {MOST_CHOSEN}")
    work = managed.work
    if work is None or work.latest is None or work.results is None:
        raise ConflictError(
            f"run {managed.folder.run} cannot take images just now (it is {managed.board.state}); ask again while it is at work"
        )
    if work.settings.labeling.simulate:
        raise ConflictError(f"nobody labels in run {managed.folder.run}: its answers are simulated")
    present, model = work.results.present, work.latest
    if max(items) >= len(present):
        raise InvalidInputError(f"there is no item {max(items)}; the run has {len(present)}, counted from 0")
    asked = set(managed.newest_labels(work).answers)
    scores = None if model.scores is None else scores_of(work, model.scores.to(Artifact))
    picks = [
        Pick(item=item, reason=CHOSEN, score=float("nan") if scores is None else float(np.float32(scores[item])))
        for item in dict.fromkeys(items)
        if present[item] and item not in asked
    ]
    return work.clients.labeler.offer(work.id, managed.board.round, picks) if picks else 0
