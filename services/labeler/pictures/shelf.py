"""From an item of a run to its derivative."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from services.labeler.catalogs import RunCatalog
from services.labeler.pictures.display import PLAIN, Look
from services.labeler.pictures.orders import Urgency
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
        return self._promise(catalog, item, Urgency.NOW, look)[1]

    def sheet(self, catalog: RunCatalog, items: Sequence[int]) -> list[tuple[str, Future[Path]]]:
        """The tiles of a sheet, in order: each with the name by which `withdraw` knows it.

        Raises:
            NotFoundError: when the catalog has no such item.
        """
        catalog.check(items)
        turn, look = self.workshop.turn(), Look(tile=True)
        return [self._promise(catalog, item, Urgency.SHEET, look, turn) for item in items]

    def withdraw(self, promised: Iterable[tuple[str, Future[Path]]]) -> None:
        """Nobody looks at this sheet any more."""
        for name, future in promised:
            self.workshop.withdraw(name, future)

    def not_lately(self, catalog: RunCatalog, items: Iterable[int]) -> list[int]:
        """Those of the items that nobody has asked this about lately: others need not be prepared again."""
        return [item for item in items if self.lately.add((catalog.root, item))]

    def prepare(self, catalog: RunCatalog, items: Iterable[int]) -> None:
        """Makes derivatives before somebody asks for them."""
        for item in items:
            self._promise(catalog, item, Urgency.AHEAD)

    def version(self, catalog: RunCatalog, item: int) -> str:
        """A word that changes when the picture of an item does; it goes into its address."""
        return self.workshop.name_of(catalog.root, catalog.row(item))[:12]

    def _promise(
        self, catalog: RunCatalog, item: int, urgency: Urgency, look: Look = PLAIN, turn: int = 0
    ) -> tuple[str, Future[Path]]:
        row = catalog.row(item)
        name = self.workshop.name_of(catalog.root, row, look)
        return name, self.workshop.get(name, catalog.file_of(row), urgency, look, turn)
