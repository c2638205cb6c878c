"""Bringing the tables of an older label store to what this version knows: nothing is rewritten, columns are only added."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

_STEPS: Mapping[int, tuple[str, ...]] = {  # version -> what leads to the next one
    1: (
        "ALTER TABLE cards ADD COLUMN second BOOLEAN NOT NULL DEFAULT FALSE",
        "CREATE INDEX events_of_item ON events (run, item, annotator)",
    ),
    2: (
        "ALTER TABLE runs ADD COLUMN definition TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN continuous BOOLEAN NOT NULL DEFAULT FALSE",
    ),
    3: (
        "ALTER TABLE runs ADD COLUMN show_scores BOOLEAN NOT NULL DEFAULT FALSE",
        "ALTER TABLE events ADD COLUMN scores_shown BOOLEAN NOT NULL DEFAULT FALSE",
    ),
}


def can_migrate(version: int, wanted: int) -> bool:
    """Whether there is a way from one version of the store to another."""
    return version < wanted and all(step in _STEPS for step in range(version, wanted))


def migrate(connection: Connection, version: int, wanted: int) -> None:
    """Takes the tables from ``version`` to ``wanted`` in the caller's transaction."""
    for step in range(version, wanted):
        for statement in _STEPS[step]:
            connection.execute(text(statement))
    connection.execute(text("UPDATE about SET version = :version"), {"version": wanted})
