"""Opening the database of the label store: SQLite in a file of its own by default, Postgres where a URL says so."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from protos.errors import ActiveLabelerError, ConflictError, ExhaustedError, InvalidInputError, UnavailableError
from services.labeler.store import schema
from services.labeler.store.migrations import can_migrate, migrate
from services.labeler.store.statistics import tell_planner

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class Database:
    """An open database with its tables.

    Args:
        url: "sqlite:////path/of/labels.sqlite" or "postgresql://user:password@host/name".

    Raises:
        ConflictError: when another labeler has the SQLite file open.
        InvalidInputError: when the URL cannot be used.
        UnavailableError: when the database does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        self._writing: Connection | None = None
        self._lock = _lock(Path(str(self.url.database))) if self.is_sqlite else None
        try:
            self.engine = _engine(self.url, self.is_sqlite)
            with self.engine.begin() as connection:
                _create_tables(connection)
        except ActiveLabelerError:
            self._unlock()
            raise
        except ModuleNotFoundError as error:
            raise InvalidInputError(
                f"the database {self.name} needs the package {error.name}; install active-labeler[postgres]"
            ) from error
        except SQLAlchemyError as error:
            self._unlock()
            raise translated(error, self.name) from error

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, committed at the end; for one thread.

        A file's connection stays open for the next one. A server may have hung up meanwhile: that is looked at each time.
        """
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        connection = self._writing or self.engine.connect()
        self._writing = None
        with ExitStack() as closed_on_failure:
            closed_on_failure.callback(connection.close)
            with connection.begin():
                yield connection
            closed_on_failure.pop_all()
        self._writing = connection

    def close(self) -> None:
        """Closes all connections and lets go of the file."""
        if self._writing is not None:
            self._writing.close()
        self.engine.dispose()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def translated(error: Exception, name: str) -> ActiveLabelerError:
    """The domain error for a failure of the database called ``name``."""
    reason = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
    if "disk is full" in reason or "No space left" in reason:
        return ExhaustedError(
            f"the disk of the label store {name} is full; free some space, nothing acknowledged is lost"
        )
    if "file is not a database" in reason or "malformed" in reason:
        return InvalidInputError(f"{name} is no label store: {reason}; name another file or restore it from a copy")
    return UnavailableError(f"the label store {name} does not work: {reason}; nothing acknowledged is lost")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInputError(
            "the database setting is no URL; write sqlite:////folder/labels.sqlite or postgresql://user@host/name"
        ) from error
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _DRIVERS.values():
        raise InvalidInputError(
            f"{parsed.drivername!r} is no database that labels can be kept in; use sqlite or postgresql"
        )
    if driver == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InvalidInputError(
            f"{url!r} names no file, and labels in memory would be lost; write sqlite:////folder/labels.sqlite"
        )
    return parsed.set(drivername=driver)


def _lock(file: Path) -> int:
    """Locks the store against a second labeler; the kernel lets go when this process ends, however it ends."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InvalidInputError(
            f"labels cannot be kept in {file}: {error.strerror}; set ACTIVE_LABELER_LABELS to a folder that can be written"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise ConflictError(
            f"another labeler has the label store {file} open; stop it or set ACTIVE_LABELER_LABELS to another folder"
        ) from error
    return handle


def _engine(url: URL, is_sqlite: bool) -> Engine:
    engine = create_engine(url, pool_pre_ping=not is_sqlite)
    if is_sqlite:
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


# An answer is on the disk before it is acknowledged. Pages go from the log into the database four times more seldom than by
# default: whoever answers meanwhile waits for that.
_SQLITE = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=4000",
    "busy_timeout=10000",
    "cache_size=-32000",
)


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so, see _on_begin
    cursor = connection.cursor()
    for setting in _SQLITE:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _create_tables(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # several labelers may start at once
        connection.execute(text("SELECT pg_advisory_xact_lock(20240607)"))
    _check_ours(connection)
    schema.metadata.create_all(connection)
    version = connection.scalar(select(schema.about.c.version))
    if version is None:
        connection.execute(insert(schema.about).values(version=schema.VERSION))
    elif can_migrate(version, schema.VERSION):
        migrate(connection, version, schema.VERSION)
    elif version != schema.VERSION:
        raise ConflictError(
            f"the label store has version {version} and this labeler knows {schema.VERSION}; install the release that made it"
        )
    for index in schema.LATER_INDEXES:
        index.create(connection, checkfirst=True)
    if connection.dialect.name == "sqlite":
        tell_planner(connection)


def _check_ours(connection: Connection) -> None:
    """A database that other programs use as well may hold none of our names."""
    found = inspect(connection)
    there = set(found.get_table_names())
    if "about" in there and [column["name"] for column in found.get_columns("about")] == ["version"]:
        return
    foreign = sorted(there & set(schema.metadata.tables))
    if foreign:
        raise ConflictError(
            f"the database {connection.engine.url.render_as_string(hide_password=True)} has a table {foreign[0]!r} of another"
            " program; name an empty database, or a schema of its own (nothing was changed)"
        )
