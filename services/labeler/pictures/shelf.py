"""From an item of a run to its derivative."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from services.labeler.catalogs import RunCatalog
from services.labeler.pictures.display import PLAIN, Look
from services.labeler.pictures.workshop import Workshop
from services.labeler.recent import Lately

_LATELY = 20_000
_AGAIN_S = 10.0  # a cache that was trimmed, or a file that has come back


@dataclass(frozen=True)
class Shelf:
    """Derivatives by item."""

    workshop: Workshop
    lately: Lately = field(default_factory=lambda: Lately(_LATELY, _AGAIN_S))

    def get(self, catalog: RunCatalog, item: int, look: Look = PLAIN) -> Future[Path]:
        """The derivative of an item, for somebody who waits.

        Raises:
            NotFoundError: when the catalog has no such item.
        """
        return self._get(catalog, item, ahead=False, look=look)

    def prepare(self, catalog: RunCatalog, items: Iterable[int]) -> None:
        """Makes derivatives before somebody asks for them; what was asked for lately is not looked for again."""
        for item in items:
            if self.lately.add((str(catalog.root), item)):
                self._get(catalog, item, ahead=True)

    def version(self, catalog: RunCatalog, item: int) -> str:
        """A word that changes when the picture of an item does; it goes into its address."""
        return self.workshop.name_of(catalog.root, catalog.row(item))[:12]

    def _get(self, catalog: RunCatalog, item: int, ahead: bool, look: Look = PLAIN) -> Future[Path]:
        row = catalog.row(item)
        return self.workshop.get(self.workshop.name_of(catalog.root, row, look), catalog.file_of(row), ahead, look)
