"""What people say about images besides answers: flags, and notes. Like answers they are only ever added."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from services.labeler.model import Remark
from services.labeler.store.schema import remarks


def add(connection: Connection, run: str, remark: Remark, now_ms: int) -> None:
    """Adds a remark, unless the same person has said the same of the same image: a page that heard no answer says it again."""
    values = {"item": remark.item, "annotator": remark.annotator, "flag": remark.flag, "note": remark.note}
    same = select(remarks.c.number).where(
        remarks.c.run == run, *(remarks.c[name] == value for name, value in values.items())
    )
    if connection.execute(same.limit(1)).first() is None:
        connection.execute(insert(remarks).values(run=run, time_ms=now_ms, **values))


def of_run(connection: Connection, run: str) -> list[Remark]:
    """All remarks on images of a run, the oldest first."""
    rows = connection.execute(select(remarks).where(remarks.c.run == run).order_by(remarks.c.number))
    return [_remark(row) for row in rows]


def page(connection: Connection, run: str, after: int, limit: int) -> list[tuple[int, Remark]]:
    """Up to ``limit`` remarks with numbers above ``after``, the oldest first, each with its number."""
    wanted = select(remarks).where(remarks.c.run == run, remarks.c.number > after).order_by(remarks.c.number)
    return [(int(row.number), _remark(row)) for row in connection.execute(wanted.limit(limit))]


def _remark(row: Row[Any]) -> Remark:
    return Remark(int(row.item), row.annotator, bool(row.flag), row.note, int(row.time_ms))
