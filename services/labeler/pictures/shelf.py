"""From an item of a run to its derivative."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from services.labeler.catalogs import RunCatalog
from services.labeler.pictures.display import PLAIN, Look
from services.labeler.pictures.workshop import Workshop


@dataclass(frozen=True)
class Shelf:
    """Derivatives by item."""

    workshop: Workshop

    def get(self, catalog: RunCatalog, item: int, look: Look = PLAIN) -> Future[Path]:
        """The derivative of an item, for somebody who waits.

        Raises:
            NotFoundError: when the catalog has no such item.
        """
        return self._get(catalog, item, ahead=False, look=look)

    def prepare(self, catalog: RunCatalog, items: Iterable[int]) -> None:
        """Makes derivatives before somebody asks for them."""
        for item in items:
            self._get(catalog, item, ahead=True)

    def version(self, catalog: RunCatalog, item: int) -> str:
        """A word that changes when the picture of an item does; it goes into its address."""
        return self.workshop.name_of(catalog.root, catalog.row(item))[:12]

    def _get(self, catalog: RunCatalog, item: int, ahead: bool, look: Look = PLAIN) -> Future[Path]:
        row = catalog.row(item)
        return self.workshop.get(self.workshop.name_of(catalog.root, row, look), catalog.file_of(row), ahead, look)
