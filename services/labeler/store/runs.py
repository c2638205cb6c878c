"""Runs in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from protos.errors import NotFoundError
from services.labeler.model import OPEN, CatalogRef, Run
from services.labeler.store.prepared import Prepared
from services.labeler.store.schema import cards, runs
from services.labeler.text import clean, is_run

_OF_RUN = runs.c.run == bindparam("b_run")
_WORDS = (  # in the order of the fields of a run
    *(runs.c.run, runs.c.catalog_path, runs.c.catalog_sha256, runs.c.catalog_bytes, runs.c.name, runs.c.question),
    *(runs.c.batch_size, runs.c.finished, runs.c.definition, runs.c.continuous, runs.c.show_scores),
)
_LOCK = Prepared(select(runs.c.last, *_WORDS).where(_OF_RUN).with_for_update())
_LAST = Prepared(select(runs.c.last).where(_OF_RUN))


def open_run(connection: Connection, run: Run, now_ms: int) -> None:
    """Adds a run, or renews its texts and catalog; an ended one goes on."""
    values = {
        "name": run.name,
        "question": run.question,
        "batch_size": run.batch_size,
        "catalog_path": run.catalog.path,
        "catalog_sha256": run.catalog.sha256,
        "catalog_bytes": run.catalog.bytes,
        "finished": run.finished,
        "definition": run.definition,
        "continuous": run.continuous,
        "show_scores": run.show_scores,
    }
    known = connection.scalar(select(runs.c.run).where(runs.c.run == run.run).with_for_update())
    if known is None:
        connection.execute(insert(runs).values(run=run.run, opened_ms=now_ms, last=0, **values))
    else:
        connection.execute(update(runs).where(runs.c.run == run.run).values(values))


def close_run(connection: Connection, run: str, sentence: str) -> None:
    """Notes that labeling is over."""
    connection.execute(update(runs).where(runs.c.run == run).values(finished=sentence))


def find_run(connection: Connection, run: str) -> Run | None:
    """The run of that name, or None."""
    if not is_run(run):  # a database may refuse even to look for some texts
        return None
    row = connection.execute(select(*_WORDS).where(runs.c.run == run)).one_or_none()
    return None if row is None else _run(*row)


def lock_run(connection: Connection, run: str) -> tuple[Run, int]:
    """The run and the newest position of its log; until the transaction ends nobody else changes the run.

    Raises:
        NotFoundError: when there is none.
    """
    rows = _LOCK.rows(connection, {"b_run": run}) if is_run(run) else []
    if not rows:
        raise unknown_run(run)
    last, *words = rows[0]
    return _run(*words), int(last)


def unknown_run(run: str) -> NotFoundError:
    """The error for a name that no run has."""
    return NotFoundError(
        f"the labeler knows no run {clean(run, 100)!r}; open it first, or look whether it uses another label store"
    )


def last_position(connection: Connection, run: str) -> int:
    """The newest position of the log of a run; 0 where nothing has been answered."""
    return int(_LAST.value(connection, {"b_run": run}) or 0)


def list_runs(connection: Connection) -> list[tuple[Run, int]]:
    """All runs with the number of their open cards, the newest first."""
    waiting = (
        select(cards.c.run, func.count().label("open")).where(cards.c.state == OPEN).group_by(cards.c.run).subquery()
    )
    rows = connection.execute(
        select(*_WORDS, func.coalesce(waiting.c.open, 0).label("open"))
        .outerjoin(waiting, waiting.c.run == runs.c.run)
        .order_by(runs.c.opened_ms.desc(), runs.c.run)
    )
    return [(_run(*words), int(waiting)) for *words, waiting in rows]


@dataclass(frozen=True)
class Level:
    """How much of a run waits and has come: its open cards, and the events in its log."""

    run: str
    open: int
    events: int


def levels(connection: Connection) -> list[Level]:
    """The levels of all runs whose labeling is not over."""
    waiting = (
        select(cards.c.run, func.count().label("open")).where(cards.c.state == OPEN).group_by(cards.c.run).subquery()
    )
    rows = connection.execute(
        select(runs.c.run, runs.c.last, func.coalesce(waiting.c.open, 0).label("open"))
        .outerjoin(waiting, waiting.c.run == runs.c.run)
        .where(runs.c.finished.is_(None))
    )
    return [Level(row.run, int(row.open), int(row.last)) for row in rows]


def _run(run: str, path: str, sha256: str, size: int, *texts: Any) -> Run:
    name, question, batch_size, finished, definition, continuous, show_scores = texts
    catalog = CatalogRef(path, sha256, size)
    return Run(run, catalog, name, question, batch_size, finished, definition, bool(continuous), bool(show_scores))
