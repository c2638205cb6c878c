"""The rows of one run as lines of JSON, the same for every kind of database, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from protos.errors import ConflictError, DamagedError
from services.labeler.store import schema
from services.labeler.store.runs import unknown_run

FORMAT = 1  # of the lines
_PORTION = 500
_TABLES: dict[str, tuple[Table, tuple[str, ...]]] = {  # and the order of their rows
    "runs": (schema.runs, ("run",)),
    "cards": (schema.cards, ("round", "rank", "item")),
    "events": (schema.events, ("position",)),
    "remarks": (schema.remarks, ("number",)),
}


def is_known(connection: Connection, run: str) -> bool:
    """Whether the store has a run of that name."""
    return bool(connection.scalar(select(func.count()).select_from(schema.runs).where(schema.runs.c.run == run)))


def lines(connection: Connection, run: str) -> Iterator[bytes]:
    """All rows of a run: a line that says the versions, then one line a row, each with its line end.

    Raises:
        NotFoundError: when there is no such run.
    """
    if not is_known(connection, run):
        raise unknown_run(run)
    yield _line({"format": FORMAT, "store": schema.VERSION, "run": run})
    for name, (table, order) in _TABLES.items():
        statement = select(*_columns(table)).where(table.c.run == run).order_by(*(table.c[part] for part in order))
        for row in connection.execute(statement, execution_options={"yield_per": _PORTION}):
            yield _line([name, dict(row._mapping)])


def insert_lines(connection: Connection, run: str, copied: Iterable[bytes]) -> None:
    """Puts the rows of a run into the store; what an older version did not know gets its default.

    Raises:
        ConflictError: when a newer version has written them.
        DamagedError: when they are not what `lines` writes, or of another run.
    """
    numbered = iter(copied)
    _check_head(_read(next(numbered, b"")), run)
    portion: list[dict[str, Any]] = []
    current = "runs"
    runs = 0
    for line in numbered:
        name, row = _row(_read(line), run)
        runs += name == "runs"
        if name != current or len(portion) == _PORTION or (portion and portion[0].keys() != row.keys()):
            _insert(connection, current, portion)
            current, portion = name, []
        portion.append(row)
    _insert(connection, current, portion)
    _check_whole(connection, run, runs)


def _columns(table: Table) -> list[Any]:
    return [column for column in table.columns if not (table is schema.remarks and column.name == "number")]


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _damaged(f"a line is no JSON: {line[:40]!r}") from error


def _check_head(head: Any, run: str) -> None:
    if not isinstance(head, dict) or not all(isinstance(head.get(name), int) for name in ("format", "store")):
        raise _damaged("its first line does not say its version")
    if head["format"] > FORMAT or head["store"] > schema.VERSION:
        raise ConflictError(
            f"the copy of the labels has version {head['format']}.{head['store']}, and this labeler knows"
            f" {FORMAT}.{schema.VERSION}; install the release that made it, or a newer one"
        )
    if head.get("run") != run:
        raise _damaged("it is of another run")


def _row(value: Any, run: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(value, list) or len(value) != 2 or value[0] not in _TABLES or not isinstance(value[1], dict):
        raise _damaged("a line is no row of a table")
    name, row = value
    known = {column.name for column in _columns(_TABLES[name][0])}
    if not row.keys() <= known or row.get("run") != run:
        raise _damaged(f"a row of {name} has columns that there are not, or is of another run")
    return name, row


def _insert(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    try:
        connection.execute(insert(_TABLES[name][0]), rows)
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise _damaged(f"the database refuses its rows of {name}: {reason}") from error


def _check_whole(connection: Connection, run: str, runs: int) -> None:
    last = connection.scalar(select(schema.runs.c.last).where(schema.runs.c.run == run))
    events = connection.scalar(select(func.count()).where(schema.events.c.run == run))
    if runs != 1 or last != events:
        raise _damaged(f"its run counts {last} answers, and it holds {events}")


def _damaged(what: str) -> DamagedError:
    return DamagedError(f"the copy of the labels is damaged: {what}; take another backup")
