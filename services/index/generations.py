"""Generations: built beside the earlier ones, verified, recorded, found again."""

from __future__ import annotations

import json
import logging
import re
import threading
import time

import numpy as np
from google.protobuf import json_format

from protos.common_pb2 import Artifact, Generation
from protos.errors import ActiveLabelerError, InvalidInputError, NotFoundError
from services.common.arrays import map_array
from services.common.artifacts import REMEDY, ArtifactStore
from services.common.blocks import read_manifest
from services.common.telemetry import timed
from services.index.annoy_file import build_annoy
from services.index.matrix import write_matrix
from services.index.parameters import BuildParameters

log = logging.getLogger(__name__)


class Generations:
    """All generations of a store. A small record of each says what it consists of.

    Args:
        store: where blocks are read and generations are published.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._building = threading.Lock()  # a repeated call waits for the first, and finds its result

    def build(self, parameters: BuildParameters, blocks: Artifact) -> tuple[Generation, float]:
        """The generation of a list of blocks and the seconds that its build took; built unless it is there already.

        Raises:
            ActiveLabelerError: when the blocks do not fit the parameters, or one is damaged.
        """
        name = parameters.generation_id(blocks.sha256)
        with self._building:
            found = self._intact(name)
            if found is None:
                self._store.remove(_record(name))
                self._make(name, parameters, blocks)
                found = self._read(name)
        return found

    def get(self, generation: Generation) -> Generation:
        """What the record says of a generation that somebody refers to.

        Raises:
            NotFoundError: when there is no such generation.
            InvalidInputError: when the reference says otherwise than the record.
        """
        if not re.fullmatch("[0-9a-f]{32}", generation.id):
            raise InvalidInputError(f"{generation.id[:100]!r} names no generation; give what Build has returned")
        recorded, _ = self._read(generation.id)
        if recorded != generation:
            raise InvalidInputError(f"this is not generation {generation.id} as Build has returned it; build it again")
        return recorded

    def _make(self, name: str, parameters: BuildParameters, blocks: Artifact) -> None:
        start = time.monotonic()
        vectors, present = self._join(parameters, blocks)
        with timed(log, f"index of {parameters.rows} items") as facts:
            facts.update(trees=parameters.num_trees, generation=name)
            index, _ = self._store.once(
                f"annoy/{name}.ann",
                lambda path: build_annoy(
                    path,
                    parameters,
                    map_array(self._store.open(vectors), np.float32, 2),
                    map_array(self._store.open(present), np.bool_, 1),
                ),
            )
        generation = Generation(
            id=name,
            vectors=vectors,
            present=present,
            index=index,
            rows=parameters.rows,
            dim=parameters.dim,
            metric=parameters.metric,
            num_trees=parameters.num_trees,
            n_jobs=parameters.n_jobs,
            seed=parameters.seed,
        )
        entry = {"generation": json_format.MessageToDict(generation), "seconds": time.monotonic() - start}
        self._store.put(_record(name), json.dumps(entry, indent=1, sort_keys=True).encode())

    def _join(self, parameters: BuildParameters, blocks: Artifact) -> tuple[Artifact, Artifact]:
        key = parameters.matrix_name(blocks.sha256)
        names = f"vectors/{key}.npy", f"present/{key}.npy"
        vectors, present = (self._store.find(name) for name in names)
        if vectors is not None and present is not None:
            return vectors, present
        entries = read_manifest(self._store.open(blocks))
        with timed(log, f"vectors of {len(entries)} blocks joined"):
            with self._store.writing(names[0]) as matrix, self._store.writing(names[1]) as mask:
                write_matrix(self._store, entries, parameters.rows, parameters.dim, matrix.path, mask.path)
        return matrix.artifact, mask.artifact

    def _intact(self, name: str) -> tuple[Generation, float] | None:
        try:
            generation, seconds = self._read(name)
            for part in (generation.vectors, generation.present, generation.index):
                self._store.open(part)
        except ActiveLabelerError:
            return None
        return generation, seconds

    def _read(self, name: str) -> tuple[Generation, float]:
        record = self._store.find(_record(name))
        if record is None:
            raise NotFoundError(f"there is no generation {name} in the store; {REMEDY}")
        entry = json.loads(self._store.open(record).read_bytes())
        return json_format.ParseDict(entry["generation"], Generation()), float(entry["seconds"])


def _record(name: str) -> str:
    return f"generations/{name}.json"
