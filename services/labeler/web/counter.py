"""What a page asks for all the time: an exchange, and a picture."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from protos.errors import ActiveLabelerError
from services.labeler.catalogs import RunCatalog
from services.labeler.desk import Desk
from services.labeler.model import CatalogRef, Run, Visit
from services.labeler.pictures.display import Look
from services.labeler.pictures.pyramid import Piece, Size
from services.labeler.pictures.shelf import Shelf
from services.labeler.web.messages import describe_reply

log = logging.getLogger(__name__)

MOST_ITEM = 2**53 - 1  # the largest whole number that a browser counts exactly
PICTURE_CACHING = "private, max-age=86400, immutable"  # its address changes with the picture
LOOKS = {
    (size, levels): Look(size == "full", levels == "auto", size == "tile")
    for size in ("tile", "screen", "full")
    for levels in ("", "auto")
}
T = TypeVar("T")


class Counter:
    """Where pages come to, over a desk and a shelf of pictures."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk, self._shelf = desk, shelf
        self._catalogs: dict[str, tuple[CatalogRef, RunCatalog]] = {}  # the newest that was seen of each run
        self._ahead = ThreadPoolExecutor(1, "ahead")

    async def exchange(self, run: str, visit: Visit) -> dict[str, Any]:
        """One exchange, acknowledged after it is on disk.

        Raises:
            ActiveLabelerError: when there is no such run, or the store does not work.
        """
        reply = await settled(self._desk.visit(run, visit))
        try:
            catalog = await self._catalog_of(reply.run)
        except ActiveLabelerError as error:  # the answers are kept all the same, and the page has to hear that
            log.warning("run %s: %s", run, error)
            return describe_reply(reply, None, self._shelf)
        wanted = self._shelf.not_lately(catalog, [card.item for card in reply.cards] + reply.ahead)
        if wanted:
            self._ahead.submit(self._shelf.prepare, catalog, wanted)
        return describe_reply(reply, catalog, self._shelf)

    async def picture(self, run: str, item: int, look: Look) -> bytes:
        """What a browser shows of an image.

        Raises:
            NotFoundError: when there is no such run or image.
            UnreadableImageError: with the reason.
        """
        _, catalog = self._catalogs.get(run, (None, None))
        if catalog is None or item >= catalog.rows:  # a run's catalog only grows, so what an older one has holds
            catalog = await self._catalog_of(await asyncio.to_thread(self._desk.run, run))
        try:
            return (await settled(self._shelf.get(catalog, item, look))).read_bytes()
        except FileNotFoundError:  # the cache was trimmed at this very moment
            return (await settled(self._shelf.get(catalog, item, look))).read_bytes()

    async def size(self, run: str, item: int) -> Size:
        """How many pixels an image has, upright.

        Raises:
            NotFoundError: when there is no such run or image.
            UnreadableImageError: with the reason.
        """
        return Size.of(await self.picture(run, item, Look(size=True)))

    async def piece(self, run: str, item: int, piece: Piece, levels: bool) -> bytes:
        """A piece of an image with more pixels than its full picture shows.

        Args:
            levels: drawn apart as they are in the full picture.

        Raises:
            NotFoundError: when there is no such run, image or piece.
            UnreadableImageError: with the reason.
        """
        (await self.size(run, item)).check(piece)
        return await self.picture(run, item, Look(levels=levels, piece=piece))

    async def _catalog_of(self, run: Run) -> RunCatalog:
        known = self._catalogs.get(run.run)
        if known is None or known[0] != run.catalog:
            known = run.catalog, await asyncio.to_thread(self._desk.catalog_of, run)
            self._catalogs[run.run] = known
        return known[1]


async def settled(future: Future[T]) -> T:
    """What a future carries. A browser that goes away cancels neither a write nor a picture that others wait for."""
    if future.done():
        return future.result()
    return await asyncio.shield(asyncio.wrap_future(future))
