"""The catalogs of the runs: which images there are, how they are called, and where they lie."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from protos.common_pb2 import Artifact
from protos.errors import ConflictError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.common.catalog import Catalog, Row
from services.labeler.model import CatalogRef

_ROWS = 20_000  # kept in memory, a few hundred bytes each


class RunCatalog:
    """The catalog of a run; may be used by several threads."""

    def __init__(self, path: Path, root: Path | None) -> None:
        self._catalog = Catalog(path, root)
        self._lock = threading.Lock()
        self.rows = len(self._catalog)
        self.root = self._catalog.root
        # The cards of people at work are looked up in every exchange; a catalog never changes.
        self._cached_row = lru_cache(maxsize=_ROWS)(self._read_row)

    def row(self, item: int) -> Row:
        """One image.

        Raises:
            NotFoundError: when the catalog has no such item.
        """
        if not 0 <= item < self.rows:
            raise NotFoundError(f"there is no image {item} in this run; it has {self.rows}, counted from 0")
        return self._cached_row(item)

    def _read_row(self, item: int) -> Row:
        with self._lock:
            return self._catalog.row(item)

    def file_of(self, row: Row) -> Path:
        """Where the image of a row lies on this machine."""
        return self._catalog.file_of(row)

    def name(self, item: int) -> str:
        """The file name of an image: the last part of its path."""
        return os.path.basename(self.row(item).path)  # noqa: PTH119 - of the catalog, not of this machine

    def check(self, items: Iterable[int]) -> None:
        """Raises NotFoundError for the first item that the catalog does not have."""
        for item in items:
            if not 0 <= item < self.rows:
                raise NotFoundError(f"there is no image {item} in this run; it has {self.rows}, counted from 0")


class Catalogs:
    """Opens the catalogs of runs, each once.

    Args:
        artifacts: where catalogs lie.
        root: where the data set lies on this machine; None: where the catalog says.
    """

    def __init__(self, artifacts: ArtifactStore, root: Path | None) -> None:
        self.artifacts, self._root = artifacts, root
        self._open: dict[str, RunCatalog] = {}
        self._lock = threading.Lock()

    def open(self, ref: CatalogRef) -> RunCatalog:
        """The catalog behind a reference.

        Raises:
            NotFoundError, DamagedError: when the artifact is gone or damaged.
        """
        with self._lock:
            found = self._open.get(ref.sha256)
            if found is None:
                path = self.artifacts.open(Artifact(path=ref.path, sha256=ref.sha256, bytes=ref.bytes))
                found = self._open[ref.sha256] = RunCatalog(path, self._root)
            return found

    def check_grown(self, run: str, before: CatalogRef, after: CatalogRef) -> None:
        """A run may get a catalog that has grown, never another one: labels belong to numbers of images.

        Raises:
            ConflictError: when ``after`` does not begin with the images of ``before``.
        """
        if before.sha256 == after.sha256:
            return
        old, new = self.open(before), self.open(after)
        last = old.rows - 1
        if new.rows < old.rows or (last >= 0 and new.row(last) != old.row(last)):
            raise ConflictError(
                f"the run {run} was opened with another catalog of {old.rows} images; its labels belong to those:"
                " give the new data set a run of its own"
            )
