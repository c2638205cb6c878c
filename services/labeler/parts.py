"""The parts of a labeler, put together."""

from __future__ import annotations

import contextlib
import logging

from prometheus_client import REGISTRY

from services.common.artifacts import open_store
from services.labeler.access import OPEN, Access, tokens_of
from services.labeler.browsing import Browsing
from services.labeler.catalogs import Catalogs
from services.labeler.desk import Desk
from services.labeler.links import LinkMaker
from services.labeler.loop import Loop
from services.labeler.metrics import QueueCollector
from services.labeler.pictures.shelf import Shelf
from services.labeler.pictures.workshop import Workshop
from services.labeler.settings import LabelerSettings
from services.labeler.store.database import Database
from services.labeler.web.app import build_app
from services.labeler.web.counter import Counter
from services.labeler.web.express import Express
from services.labeler.web.gate import Gate
from services.labeler.web.guard import Guard
from services.labeler.web.page_tls import PageTls, tls_of_page
from services.labeler.web.server import EVERYWHERE, WebServer, is_loopback, listen, own_address, page_url

log = logging.getLogger(__name__)


class Labeler:
    """The desk with its web side; the gRPC side is the servicer over ``desk`` and ``browsing``.

    Args:
        settings: of the service.

    Raises:
        ConflictError: when another labeler has the label store, or the page's port is in use.
        InvalidInputError, UnavailableError: when a setting cannot be used, or the database does not answer.
    """

    def __init__(self, settings: LabelerSettings) -> None:
        with contextlib.ExitStack() as opened:
            catalogs = Catalogs(open_store(settings.artifacts), settings.data_root)
            self.desk = Desk(Database(settings.database_url), catalogs, settings.lease_seconds)
            opened.callback(self.desk.close)
            most = settings.derivatives_megabytes * 1024**2
            self._workshop = Workshop(settings.derivatives_folder, settings.derivative_workers, most_bytes=most)
            opened.callback(self._workshop.close)
            self._loop = Loop(settings.control, settings.tls)
            opened.callback(self._loop.close)
            access, tls = access_of(settings), tls_of_page(settings.web_tls_certificate, settings.web_tls_key)
            listener = listen(settings.web_host, settings.web_port)
            opened.callback(listener.close)
            self.links = LinkMaker(access, settings.web_url, _own_url(settings, listener.getsockname()[1], tls))
            self.browsing = Browsing(self.desk)
            shelf = Shelf(self._workshop)
            counter = Counter(self.desk, shelf)
            web = Express(build_app(self.desk, shelf, self._loop, access, self.links, self.browsing, counter), counter)
            app = Guard(
                Gate(web, access, self.links), settings.names, settings.place, settings.frames, settings.preset.numbers
            )
            self._web = WebServer(app, listener, tls)
            self._metrics = QueueCollector(self.desk.levels)
            REGISTRY.register(self._metrics)
            opened.pop_all()
        links = self.links.links()
        log.info("the labeling page is at %s", links.page)
        log.info("the page %s", "is open to all who reach it" if access.is_open else "asks for a token")

    def close(self) -> None:
        """Stops the page, finishes what is being written, closes the store."""
        REGISTRY.unregister(self._metrics)
        self._web.stop()
        self._loop.close()
        self.desk.close()
        self._workshop.close()


def access_of(settings: LabelerSettings) -> Access:
    """The tokens that the page asks for, by the settings."""
    if settings.web_access == "open" or (settings.web_access == "auto" and is_loopback(settings.web_host)):
        return OPEN
    return tokens_of(settings.labels, settings.tokens)


def _own_url(settings: LabelerSettings, port: int, tls: PageTls | None) -> str:
    host = own_address() if settings.web_host in EVERYWHERE else settings.web_host
    return page_url(host, port, secure=tls is not None)
