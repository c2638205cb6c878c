"""What SQLite's planner is told about the tables, the same for every store.

Without statistics it takes a run for a handful of rows and reads all cards of it where an index would find the dozen that
somebody holds; with those of the moment, plans would change while a run grows. So the table that the planner reads is written
by hand, as https://www.sqlite.org/optoverview.html (section "Manual Control of Query Plans Using SQLITE_STAT Tables") has it.
"""

from __future__ import annotations

from sqlalchemy import Connection

# Rows of the table, then how many share the first column of the index, the first two, and so on.
_TYPICAL = (
    ("cards", "cards", "60000 60000 1 1"),
    ("cards", "cards_to_give", "60000 60000 30000 1000 1"),
    ("cards", "cards_of_round", "60000 60000 1000 1"),
    ("cards", "cards_of_annotator", "60000 60000 1000 500"),
    ("cards", "cards_of_holder", "60000 60000 500 12"),
    ("cards", "cards_by_lease", "30000 30000 50 50 1 1 1"),
    ("events", "events", "60000 60000 1"),
    ("events", "events_of_item", "60000 60000 2 1"),
    ("events", "sqlite_autoindex_events_2", "60000 60000 500 1"),
)


def tell_planner(connection: Connection) -> None:
    """Writes the statistics; for SQLite, in the caller's transaction. Other databases gather theirs."""
    connection.exec_driver_sql("ANALYZE about")  # makes the table of statistics where there is none
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", list(_TYPICAL))
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # reads it
