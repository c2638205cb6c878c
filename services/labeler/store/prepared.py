"""Statements below SQLAlchemy's layer: compiled once for each kind of database, then given to its driver as they are.

SQLAlchemy writes them, so that they are the same on SQLite and Postgres; to run one through it takes several times as long as the
database needs. Rows come as the driver gives them: tuples in the order of the columns, SQLite's truth values as 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

Values = Mapping[str, Any]


class Prepared:
    """A statement of an exchange with a page.

    Args:
        statement: its values are named by ``bindparam``; lists of any length (``expanding``) cannot be among them.
        columns: that an insertion fills.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def text(self, dialect: Dialect) -> str:
        """What the driver gets."""
        return self._for(dialect)[0]

    def rows(self, connection: Connection, values: Values) -> list[Any]:
        """All rows.

        Raises:
            DBAPIError: when the database refuses, as SQLAlchemy would say it.
        """
        text, constants = self._for(connection.dialect)
        try:
            found: list[Any] = _driver(connection).execute(text, {**constants, **values}).fetchall()
        except _errors(connection) as error:
            raise DBAPIError(text, None, error) from error
        return found

    def value(self, connection: Connection, values: Values) -> Any:
        """The first column of the first row; None without rows."""
        rows = self.rows(connection, values)
        return rows[0][0] if rows else None

    def run(self, connection: Connection, values: Values) -> None:
        """Runs what has no rows."""
        text, constants = self._for(connection.dialect)
        try:
            _driver(connection).execute(text, {**constants, **values})
        except _errors(connection) as error:
            raise DBAPIError(text, None, error) from error

    def run_each(self, connection: Connection, many: Sequence[Values]) -> None:
        """Runs it with each of the values; not at all where there are none."""
        if len(many) == 1:
            self.run(connection, many[0])
        elif many:
            text, constants = self._for(connection.dialect)
            try:
                _driver(connection).cursor().executemany(text, [{**constants, **values} for values in many])
            except _errors(connection) as error:
                raise DBAPIError(text, None, error) from error

    def _for(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        found = self._compiled.get(dialect.name)
        if found is None:
            # SQLite's driver knows names as well; SQLAlchemy's default for it goes by places.
            of = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
            assert isinstance(self._statement, ClauseElement)
            compiled = self._statement.compile(dialect=of, column_keys=self._columns)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            found = self._compiled[dialect.name] = (str(compiled), constants)
        return found


def run_text(connection: Connection, text: str) -> None:
    """Runs a statement without values or rows, as a savepoint's.

    Raises:
        DBAPIError: when the database refuses.
    """
    try:
        _driver(connection).execute(text)
    except _errors(connection) as error:
        raise DBAPIError(text, None, error) from error


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _errors(connection: Connection) -> Any:
    return connection.dialect.loaded_dbapi.Error
