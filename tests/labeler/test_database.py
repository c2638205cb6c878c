"""The database under the labels: durable, locked, one writer, and clear about what is wrong with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, create_engine, inspect, text, update

from protos.common_pb2 import Artifact
from protos.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.model import Offered
from services.labeler.store import cards, schema
from services.labeler.store.database import Database
from services.labeler.store.prepared import Prepared
from tests.labeler.kit import Person, log_of, offer, open_desk, to_run
from tests.support.postgres import postgres_url


def test_the_store_outlives_the_labeler(url: str, store: ArtifactStore, hundred: Artifact) -> None:
    desk = open_desk(url, store)
    desk.open_run(to_run(hundred)).result()
    offer(desk, range(4))
    ann = Person(desk, "Ann")
    ann.take(3)
    ann.say(0)
    desk.close()
    again = open_desk(url, store)
    assert log_of(again) == [(0, "positive", "Ann")]
    assert again.run("r1").question == "Is there a plane?"
    assert Person(again, "Bob").take(5) == [3]  # the other two are in Ann's hands still
    again.close()


_WRITER = """
import sys
from pathlib import Path
from services.common.artifacts import ArtifactStore
from services.labeler.model import Answer
from tests.labeler.kit import Person, offer, open_desk
from tests.support.postgres import postgres_url
desk = open_desk(sys.argv[1], ArtifactStore(Path(sys.argv[2])))
ann = Person(desk, "Ann")
number = 0
while True:
    number += 1
    offer(desk, range(100), number)
    for item in range(100):
        ann.say(item, Answer.POSITIVE, number)
        print(ann.sequence, flush=True)
"""


@pytest.mark.parametrize("lines", [3, 40, 75])
def test_kill_9_loses_no_acknowledged_answer(
    sqlite_url: str, store: ArtifactStore, hundred: Artifact, lines: int
) -> None:
    desk = open_desk(sqlite_url, store)
    desk.open_run(to_run(hundred)).result()
    desk.close()
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), sqlite_url, str(store.root)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(lines):
        acknowledged = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split("\n")[:-1]
    writer.wait()
    acknowledged = int(rest[-1]) if rest else acknowledged
    again = open_desk(sqlite_url, store)  # the lock went with the process
    events = [event for page in range(0, acknowledged + 1, 10_000) for event in again.events("r1", page, 10_000)[0]]
    assert len(events) in (acknowledged, acknowledged + 1)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    again.close()


def test_a_second_labeler_is_refused(sqlite_url: str, store: ArtifactStore) -> None:
    desk = open_desk(sqlite_url, store)
    with pytest.raises(ConflictError, match=r"another labeler has the label store .*labels\.sqlite open"):
        Database(sqlite_url)
    desk.close()
    Database(sqlite_url).close()


def test_a_job_that_fails_takes_no_other_with_it(desk: Desk) -> None:
    offer(desk, [1])
    bad = [desk.withdraw("nothing", 1) for _ in range(3)]
    good = Person(desk, "Ann").say(1)
    assert good.outcome.saved == [1]
    for future in bad:
        with pytest.raises(NotFoundError, match="no run 'nothing'"):
            future.result()


def test_a_job_that_the_database_refuses_fails_alone(desk: Desk) -> None:
    offer(desk, [1, 2])
    writer = desk._writer
    jobs: list[Future[Any]] = [
        writer.submit("r1", lambda c: c.execute(schema.events.insert().values(run="r1", position=1))),
        desk.withdraw("r1", 1),
    ]
    assert jobs[1].result() == 2
    with pytest.raises(UnavailableError, match="does not work"):
        jobs[0].result()


@pytest.mark.parametrize("many", [1, 3])
def test_values_that_the_database_refuses_below_sqlalchemy_are_said_like_others(desk: Desk, many: int) -> None:
    offer(desk, [1])
    bad = {"b_run": "r1", "b_last": None}
    move_on = Prepared(
        update(schema.runs).where(schema.runs.c.run == bindparam("b_run")).values(last=bindparam("b_last"))
    )
    future = desk._writer.submit("r1", lambda connection: move_on.run_each(connection, [bad] * many))
    with pytest.raises(UnavailableError, match=r"does not work.*nothing acknowledged is lost"):
        future.result()
    assert Person(desk, "Ann").say(1).outcome.saved == [1]


def test_a_job_that_fails_in_the_middle_leaves_nothing_and_the_others_of_its_transaction_go_on(desk: Desk) -> None:
    offer(desk, [1, 2, 3])

    def fails(connection: Connection) -> None:
        cards.withdraw(connection, "r1", 1)
        raise ValueError("in the middle")

    jobs: list[Future[Any]] = [desk._writer.submit("r1", fails), desk.offer("r1", 1, [Offered(4)])]
    with pytest.raises(ValueError, match="in the middle"):
        jobs[0].result()
    assert jobs[1].result() == 1
    assert desk.queue("r1", 1).open == 4


def test_a_postgres_that_hangs_up_is_found_again(desks: Callable[..., Desk], postgres: str) -> None:
    desk = desks(postgres_url(postgres))
    offer(desk, [1, 2])
    ann = Person(desk, "Ann")
    ann.say(1)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    def hangs_up(connection: Connection) -> None:
        killed = threading.Thread(target=_ask, args=(postgres, others))
        killed.start()
        killed.join()
        cards.count_open(connection, "r1", 10)

    with pytest.raises(UnavailableError, match="does not work"):
        desk._writer.submit("r1", hangs_up).result()
    assert ann.say(2).outcome.saved == [2]
    assert [item for item, _, _ in log_of(desk)] == [1, 2]


def _ask(folder: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(f"postgresql://labeler@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(statement)


def test_a_closed_desk_says_so(desks: Callable[..., Desk], store: ArtifactStore, sqlite_url: str) -> None:
    desk = open_desk(sqlite_url, store)
    desk.close()
    with pytest.raises(UnavailableError, match="stopping"):
        desk.withdraw("r1", 1).result()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "is no URL"),
        ("mysql://u@h/n", "'mysql' is no database"),
        ("sqlite://", "names no file"),
        ("sqlite:////proc/nowhere/labels.sqlite", "cannot be kept in"),
    ],
)
def test_urls_that_cannot_be_used(url: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        Database(url)


def test_a_postgres_that_is_away_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(UnavailableError) as raised:
        Database("postgresql://ann:secret@127.0.0.1:1/labels")
    assert "127.0.0.1:1/labels" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "labels.sqlite").write_bytes(b"not a database at all, whatever" * 100)
    with pytest.raises(InvalidInputError, match="is no label store"):
        Database(f"sqlite:///{tmp_path}/labels.sqlite")


def test_a_store_of_another_version_is_refused(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.engine.begin() as connection:
        connection.execute(update(schema.about).values(version=99))
    database.close()
    with pytest.raises(ConflictError, match="version 99"):
        Database(sqlite_url)


@pytest.mark.parametrize("table", ["runs", "about"])
def test_the_database_of_another_program_is_left_alone(url: str, table: str, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {table} (theirs INTEGER)"))
    with pytest.raises(ConflictError, match=f"has a table '{table}' of another program"):
        Database(url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == [table]
    engine.dispose()


def test_tables_of_other_names_disturb_nobody(url: str, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customers (theirs INTEGER)"))
    Database(url).close()
    Database(url).close()
    engine.dispose()
