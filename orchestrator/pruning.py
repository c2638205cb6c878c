"""What a run no longer needs: after fine-tuning, vectors and indexes of old encoders. The last two generations stay."""

from __future__ import annotations

import logging

from orchestrator.clients.embedder import block_names
from orchestrator.model import Embedded
from orchestrator.run import Run

log = logging.getLogger(__name__)
KEPT = 2


def prune(run: Run, generations: list[Embedded]) -> None:
    """Removes the artifacts that only generations before the last two refer to; what the tables need stays.

    Args:
        generations: all of the run, oldest first.

    In a store that other runs share nothing is removed: they may refer to the same blocks.
    """
    if run.store.root != run.folder.artifacts or len(generations) <= KEPT:
        return
    kept: set[str] = set()
    for embedded in generations[-KEPT:]:
        kept |= _names(run, embedded)
    for name in sorted(_names(run, generations[-KEPT - 1]) - kept):
        run.store.remove(name)
    log.info("removed the vectors and the index of generation %s", generations[-KEPT - 1].generation.id[:12])


def _names(run: Run, embedded: Embedded) -> set[str]:
    generation = embedded.generation
    return {generation.vectors.path, generation.index.path, *block_names(run.store, embedded.blocks)}
