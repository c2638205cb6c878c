"""The tables. Portable SQL apart from the two triggers that keep the log append-only."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    literal_column,
    text,
)

VERSION = 4

metadata = MetaData()

about = Table("about", metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("run", String(100), primary_key=True),
    Column("name", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("catalog_path", Text, nullable=False),
    Column("catalog_sha256", String(64), nullable=False),
    Column("catalog_bytes", BigInteger, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("finished", Text),  # the sentence of the end; null while labeling goes on
    Column("last", BigInteger, nullable=False),  # position of the newest event
    Column("definition", Text, nullable=False, server_default=""),
    Column("continuous", Boolean, nullable=False, server_default=false()),
    Column("show_scores", Boolean, nullable=False, server_default=false()),
)

# Of later than version 2: made where they are missing. Few cards are second opinions, and every exchange looks for them.
_SECOND_OPINIONS = Index(
    "cards_of_second", "run", "state", "round", "rank", sqlite_where=text("second = 1"), postgresql_where=text("second")
)
# Open cards by the ends of their leases: those that nobody has held, with 0, in the order in which they are given. Without it
# all that is in anybody's hands is looked at first. It has the state, too, so that it answers without a look at the cards.
_BY_LEASE = Index(
    "cards_by_lease",
    *("run", "held_until_ms", "round", "rank", "second", "state"),
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
LATER_INDEXES = (_SECOND_OPINIONS, _BY_LEASE)

cards = Table(
    "cards",
    metadata,
    Column("run", String(100), primary_key=True),
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("rank", BigInteger, nullable=False),  # best first
    Column("reason", Text, nullable=False),
    Column("score", Float),
    Column("state", String(10), nullable=False),  # "open", "withdrawn" or the answer that stands
    Column("holder", String(200)),  # client with the lease while open, client that answered afterwards
    Column("held_until_ms", BigInteger, nullable=False),
    Column("annotator", String(100)),  # whose answer stands
    Column("second", Boolean, nullable=False, server_default=false()),  # for somebody who has not answered the image
    Index("cards_to_give", "run", "state", "round", "rank"),
    Index("cards_of_round", "run", "round", "rank"),
    Index("cards_of_annotator", "run", "annotator", "state"),
    Index("cards_of_holder", "run", "holder", "state"),
    *LATER_INDEXES,
    sqlite_with_rowid=False,
)

# In the words of the index: a database takes one only where it sees that it has all that is asked for.
IS_OPEN = literal_column("cards.state") == literal_column("'open'")

events = Table(
    "events",
    metadata,
    Column("run", String(100), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("item", BigInteger, nullable=False),
    Column("answer", String(10), nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("annotator", String(100), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("client", String(200), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("scores_shown", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("run", "client", "sequence"),  # an answer that is sent twice counts once
    Index("events_of_item", "run", "item", "annotator"),
    sqlite_with_rowid=False,
)

remarks = Table(  # of later than version 2: made beside the others where it is missing
    "remarks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run", String(100), nullable=False),
    Column("item", BigInteger, nullable=False),
    Column("annotator", String(100), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("flag", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Index("remarks_of_run", "run", "number"),
)

_SQLITE = "CREATE TRIGGER events_no_{0} BEFORE {0} ON events BEGIN SELECT RAISE(ABORT, 'events are only appended'); END"
_POSTGRES = (
    "CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RAISE EXCEPTION ''events are only appended''; END'",
    "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_refuse()",
)
for _change in ("UPDATE", "DELETE"):
    _ddl = DDL(_SQLITE.format(_change))  # type: ignore[no-untyped-call]
    event.listen(events, "after_create", _ddl.execute_if(dialect="sqlite"))
for _statement in _POSTGRES:
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(events, "after_create", _ddl.execute_if(dialect="postgresql"))
