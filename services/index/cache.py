"""The generations that are open: opening one costs the digest of all its files, a query only milliseconds."""

from __future__ import annotations

import threading
from collections import OrderedDict

from protos.common_pb2 import Generation
from services.common.artifacts import ArtifactStore
from services.index.generations import Generations
from services.index.searching import OpenGeneration


class OpenGenerations:
    """The generations that were asked last.

    Args:
        store: where their files lie.
        generations: what knows them all.
        capacity: how many stay open.
    """

    def __init__(self, store: ArtifactStore, generations: Generations, capacity: int) -> None:
        self._store = store
        self._generations = generations
        self._capacity = capacity
        self._open: OrderedDict[str, OpenGeneration] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, generation: Generation) -> OpenGeneration:
        """An open generation.

        Raises:
            ActiveLabelerError: when there is none such, or a file of it is damaged.
        """
        with self._lock:
            found = self._open.get(generation.id)
            if found is None or found.generation != generation:
                found = OpenGeneration(self._store, self._generations.get(generation))
            self._open[generation.id] = found
            self._open.move_to_end(generation.id)
            while len(self._open) > self._capacity:
                self._open.popitem(last=False)
        return found
