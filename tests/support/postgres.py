"""A real Postgres, for the length of some tests."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running() -> Iterator[str]:
    """The folder of the socket of a Postgres that lives for the block; the test is skipped where there is none."""
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


def new_database(folder: str) -> str:
    """The URL of a new, empty database on that Postgres."""
    import psycopg

    name = f"labels_{secrets.token_hex(6)}"
    with psycopg.connect(f"postgresql://labeler@/postgres?host={folder}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://labeler@/{name}?host={folder}"
