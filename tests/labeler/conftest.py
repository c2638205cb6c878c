"""Fixtures of the labeler's tests: stores on SQLite and on a real Postgres, desks, runs."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from tests.labeler.kit import open_desk, publish_names, to_run


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of the socket of a Postgres that lives for these tests."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'active-labeler[postgres]'")
    found = shutil.which("initdb"), shutil.which("postgres")
    if None in found:
        pytest.skip("no initdb and postgres on the path: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="labeler-postgres-"))
    owner = _unprivileged(folder)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": owner, "cwd": folder}
    subprocess.run(["initdb", "-D", data, "-U", "labeler", "-A", "trust", "--no-sync"], check=True, **quiet)
    server = subprocess.Popen(["postgres", "-D", data, "-k", folder, "-h", "", "-c", "fsync=off"], **quiet)
    try:
        _wait_until_it_answers(folder)
        yield str(folder)
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> str | None:
    """Postgres does not run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            shutil.chown(folder, pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
        return name
    pytest.skip("Postgres does not run as root, and there is no other user to run it as")


def _wait_until_it_answers(folder: Path) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://labeler@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def postgres_url(folder: str) -> str:
    """The URL of an empty label store on that Postgres: a schema of its own, which is much quicker than a database."""
    import psycopg

    name = f"labels_{secrets.token_hex(6)}"
    with psycopg.connect(f"postgresql://labeler@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"postgresql://labeler@/postgres?host={folder}&options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty label store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/labels/labels.sqlite"
    return postgres_url(request.getfixturevalue("postgres"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/labels/labels.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def hundred(store: ArtifactStore, tmp_path: Path) -> Artifact:
    """A catalog of 100 names; every fifth has a plane in it, and every folder does."""
    names = [f"planes/{n:03}_{'plane' if n % 5 == 0 else 'ship'}.png" for n in range(100)]
    return publish_names(store, tmp_path / "data", names)


@pytest.fixture
def desks(store: ArtifactStore, hundred: Artifact) -> Iterator[Callable[..., Desk]]:
    """Makes desks with the run "r1" of a hundred images open, and closes them."""
    made: list[Desk] = []

    def make(url: str, lease_s: float = 60, batch_size: int = 10) -> Desk:
        desk = open_desk(url, store, lease_s)
        made.append(desk)
        desk.open_run(to_run(hundred, batch_size=batch_size)).result()
        return desk

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Callable[..., Desk], url: str) -> Desk:
    """A desk over each kind of store."""
    return desks(url)
