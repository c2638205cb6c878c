"""The parts of a labeler, put together."""

from __future__ import annotations

import contextlib
import logging

from services.common.artifacts import ArtifactStore
from services.labeler.catalogs import Catalogs
from services.labeler.desk import Desk
from services.labeler.loop import Loop
from services.labeler.pictures.shelf import Shelf
from services.labeler.pictures.workshop import Workshop
from services.labeler.settings import LabelerSettings
from services.labeler.store.database import Database
from services.labeler.web.app import build_app
from services.labeler.web.guard import Guard
from services.labeler.web.server import EVERYWHERE, WebServer, own_address, page_url

log = logging.getLogger(__name__)


class Labeler:
    """The desk with its web side; the gRPC side is the servicer over ``desk``.

    Args:
        settings: of the service.

    Raises:
        ConflictError: when another labeler has the label store, or the page's port is in use.
        InvalidInputError, UnavailableError: when a setting cannot be used, or the database does not answer.
    """

    def __init__(self, settings: LabelerSettings) -> None:
        with contextlib.ExitStack() as opened:
            catalogs = Catalogs(ArtifactStore(settings.artifacts), settings.data_root)
            self.desk = Desk(Database(settings.database_url), catalogs, settings.lease_seconds)
            opened.callback(self.desk.close)
            self._workshop = Workshop(settings.derivatives_folder, settings.derivative_workers)
            opened.callback(self._workshop.close)
            self._loop = Loop(settings.control, settings.tls)
            opened.callback(self._loop.close)
            web = build_app(self.desk, Shelf(self._workshop), self._loop)
            app = Guard(web, settings.names, settings.place, settings.frames)
            self._web = WebServer(app, settings.web_host, settings.web_port)
            opened.pop_all()
        self.url = settings.web_url or page_url(settings.web_host, self._web.port)
        log.info("the labeling page is at %s", self.url)
        if settings.web_host in EVERYWHERE:
            log.info("from phones in the same network: %s", page_url(own_address(), self._web.port))

    def close(self) -> None:
        """Stops the page, finishes what is being written, closes the store."""
        self._web.stop()
        self._loop.close()
        self.desk.close()
        self._workshop.close()
