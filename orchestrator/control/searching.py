"""Search in a run at work: what looks like a picture or an item, or is meant by a phrase."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.refs import ArtifactRef
from orchestrator.control.manager import ManagedRun
from protos.errors import ConflictError, InvalidInputError

MOST = 10_000  # neighbours in one answer
_MOST_WORDS = 300  # characters of a phrase


def search(managed: ManagedRun, query: bytes | int | str, k: int) -> tuple[list[int], list[float]]:
    """Up to ``k`` items and their distances, nearest first, in the newest generation of the run.

    Args:
        query: the bytes of an image file, an item, or a phrase.

    Raises:
        ConflictError: when the run is not at work, or has no index yet.
        InvalidInputError: when the picture is no image, there is no such item, or the encoder understands no text.
    """
    if k > MOST:
        raise InvalidInputError(f"{k} neighbours are too many for one search; ask for {MOST} at most")
    work = managed.work
    model = work.latest if work is not None else None
    if work is None or model is None:
        raise ConflictError(f"run {managed.folder.run} has no index to search in (it is {managed.board.state})")
    wanted: NDArray[np.float32] | NDArray[np.uint64]
    if isinstance(query, int):
        wanted = np.array([query], dtype=np.uint64)
    elif isinstance(query, str):
        if not query.strip() or len(query) > _MOST_WORDS:
            raise InvalidInputError(f"a phrase of {len(query)} characters is none; type 1 to {_MOST_WORDS}")
        wanted = work.clients.embedder.embed_text(work.id, model.encoder, [query.strip()], work.embedding)
    else:
        image = ArtifactRef.of(work.store.put(f"uploads/{hashlib.sha256(query).hexdigest()}", query))
        wanted = work.clients.embedder.embed_image(work.id, model.encoder, image, "the picture", work.embedding)
    found = work.clients.index.neighbours(work.id, model.generation, wanted, k, work.settings.index.search_k)
    return found[0]
