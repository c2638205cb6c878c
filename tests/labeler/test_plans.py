"""Statements of an exchange with a page find their rows by an index: none reads all cards of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from services.labeler.store import cards, events, leases
from services.labeler.store.database import Database
from services.labeler.store.prepared import Prepared

SOME: dict[str, Any] = {f"b_{name}": "a" for name in ("run", "client", "annotator")}
SOME |= {f"b_{name}": 1 for name in ("now", "limit", "most", "item")}
LISTS = SOME | {"b_others": ["a"], "b_other_count": 1}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{tmp_path / 'labels.sqlite'}")
    with database.engine.connect() as connection:
        yield connection
    database.close()


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (leases.OWNED, "cards_of_holder (run=? AND holder=? AND state=?)"),
        (leases.NEVER_HELD, "COVERING INDEX cards_by_lease (run=? AND held_until_ms=?)"),
        (leases.LAPSED, "COVERING INDEX cards_by_lease (run=? AND held_until_ms>? AND held_until_ms<?)"),
        (leases.ANY_SECOND, "cards_of_second (run=? AND state=?)"),
        (cards.YOURS, "COVERING INDEX cards_of_annotator (run=? AND annotator=? AND state=?)"),
        (cards.COUNT_OPEN, "COVERING INDEX cards_to_give (run=? AND state=?)"),
        (events.CARDS, "PRIMARY KEY (run=? AND item=?)"),
        (events.NEWEST, "COVERING INDEX sqlite_autoindex_events_2 (run=? AND client=?)"),
    ],
)
def test_an_exchange_reads_by_index_in_a_new_store(connection: Connection, statement: Prepared, index: str) -> None:
    text = statement.text(connection.dialect)
    driver: Any = connection.connection.dbapi_connection
    plan = "; ".join(str(row) for row in driver.execute(f"EXPLAIN QUERY PLAN {text}", _Any(SOME)))
    assert index in plan
    assert "TEMP B-TREE" not in plan, "it sorts"


@pytest.mark.parametrize(
    "index", ["cards_of_second (run=? AND state=?)", "events_of_item (run=? AND item=? AND annotator=?)"]
)
def test_second_opinions_are_read_by_index(connection: Connection, index: str) -> None:
    run: list[tuple[str, Any]] = []
    event.listen(connection.engine, "before_cursor_execute", lambda *about: run.append((about[2], about[3])))
    connection.execute(leases.SECOND_OPINIONS, LISTS).all()
    text, values = run[-1]
    plan = "; ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
    assert index in plan


class _Any(dict[str, Any]):
    """What a plan asks for has no values that matter."""

    def __missing__(self, name: str) -> str:
        return "open"
