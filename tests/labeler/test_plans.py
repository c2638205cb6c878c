"""Statements of an exchange with a page find their rows by an index: none reads all cards of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, event

from services.labeler.store import cards, events, leases
from services.labeler.store.database import Database

SOME: dict[str, Any] = {f"b_{name}": "a" for name in ("run", "client", "annotator")}
SOME |= {f"b_{name}": 1 for name in ("now", "limit", "other_count", "most")} | {"b_items": [1], "b_others": ["a"]}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (leases._OWNED, "cards_of_holder (run=? AND holder=? AND state=?)"),
        (leases._FIRST_OPINIONS, "cards_to_give (run=? AND state=?)"),
        (leases._SECOND_OPINIONS, "cards_of_second (run=? AND state=?)"),
        (leases._SECOND_OPINIONS, "events_of_item (run=? AND item=? AND annotator=?)"),
        (cards._YOURS, "cards_of_annotator (run=? AND annotator=? AND state=?)"),
        (cards._COUNT_OPEN, "cards_to_give (run=? AND state=?)"),
        (events._CARDS, "PRIMARY KEY (run=? AND item=?)"),
    ],
)
def test_an_exchange_reads_by_index_in_a_new_store(tmp_path: Path, statement: Select[Any], index: str) -> None:
    database = Database(f"sqlite:///{tmp_path / 'labels.sqlite'}")
    run: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *about: run.append((about[2], about[3])))
    with database.engine.connect() as connection:
        connection.execute(statement, SOME).all()
        text, values = run[-1]
        plan = "; ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values))
    database.close()
    assert index in plan
