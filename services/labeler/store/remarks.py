"""What people say about images besides answers: flags, and notes. Like answers they are only ever added."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from services.labeler.model import Remark
from services.labeler.store.schema import remarks


def add(connection: Connection, run: str, remark: Remark, now_ms: int) -> None:
    """Adds a remark."""
    values = {"item": remark.item, "annotator": remark.annotator, "flag": remark.flag, "note": remark.note}
    connection.execute(insert(remarks).values(run=run, time_ms=now_ms, **values))


def of_run(connection: Connection, run: str) -> list[Remark]:
    """All remarks on images of a run, the oldest first."""
    rows = connection.execute(select(remarks).where(remarks.c.run == run).order_by(remarks.c.number))
    return [Remark(int(row.item), row.annotator, bool(row.flag), row.note) for row in rows]
