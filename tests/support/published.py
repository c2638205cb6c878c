"""What a run has embedded: each image, each block, each vector; and whether anything was published a second time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from orchestrator.clients.refs import ArtifactRef
from orchestrator.model import Embedded
from orchestrator.run import Run
from protos.common_pb2 import Artifact
from services.common.blocks import read_block, read_manifest

_LOOK_S = 0.02


@dataclass(frozen=True)
class Published:
    """The items of all blocks as they stand in the manifest, files in the store, images with a vector; digests of the rest."""

    items: list[int]
    files: int
    present: int
    vectors: str
    contents: bytes

    @classmethod
    def of(cls, run: Run, embedded: Embedded) -> Published:
        """What stands in the store of a run whose images are embedded."""
        items: list[int] = []
        contents = b""
        for block in read_manifest(_path(run, embedded.blocks)):
            items.extend(range(block.first_item, block.first_item + block.rows))
            contents += read_block(run.store.open(block.artifact)).sha256.tobytes()
        files = len(list((run.store.root / "blocks").glob("*.npz")))
        present = int(np.count_nonzero(np.load(_path(run, embedded.generation.present))))
        return cls(items, files, present, embedded.generation.vectors.sha256, contents)


def _path(run: Run, artifact: ArtifactRef) -> Path:
    return run.store.open(artifact.to(Artifact))


@dataclass
class Seen:
    """Files that have been published, as they were when first seen, and the names of those that were others later."""

    first: dict[str, tuple[int, int]] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)

    def look(self, folder: Path) -> None:
        """Looks at all files that have their note, and so are published."""
        for note in folder.glob("*.npz.sha256"):
            about = note.with_suffix("").stat()
            state = (about.st_ino, about.st_mtime_ns)
            if self.first.setdefault(note.name, state) != state:
                self.replaced.append(note.name)


@contextmanager
def watching(folder: Path) -> Iterator[Seen]:
    """Looks at the published files of a folder again and again, and once more at the end of the block."""
    seen, ended = Seen(), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            seen.look(folder)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
        seen.look(folder)
