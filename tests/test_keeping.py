"""The copy of a run that outlives its machine: whatever state the label store is in, copying goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from active_labeler.keeping import keep, restore

TABLES = ("events", "cards", "remarks")


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A run with one answer."""
    folder = tmp_path / "runtime"
    (folder / "labels").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    with closing(sqlite3.connect(folder / "labels/labels.sqlite")) as store:
        for table in TABLES:
            store.execute(f"CREATE TABLE {table} (number INTEGER)")
    add(folder, "events")
    return folder


def add(folder: Path, table: str) -> None:
    with closing(sqlite3.connect(folder / "labels/labels.sqlite")) as store, store:
        store.execute(f"INSERT INTO {table} VALUES (1)")


def count(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "labels/labels.sqlite")) as store:
        return int(store.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("table", TABLES)
def test_what_is_new_is_copied_and_nothing_else(runtime: Path, tmp_path: Path, table: str) -> None:
    home = tmp_path / "home"
    assert keep(runtime, home)
    assert not keep(runtime, home)
    before = count(home, table)
    add(runtime, table)
    assert keep(runtime, home)
    assert count(home, table) == before + 1


def test_a_store_that_is_just_being_made_is_copied_later(runtime: Path, tmp_path: Path) -> None:
    store = runtime / "labels/labels.sqlite"
    store.unlink()
    store.touch()
    keep(runtime, tmp_path / "home")
    assert not (tmp_path / "home/labels/labels.sqlite").exists()


def test_a_damaged_copy_is_made_again(runtime: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    keep(runtime, home)
    (home / "labels/labels.sqlite").write_bytes(b"half of it")
    assert keep(runtime, home)
    assert restore(home, tmp_path / "again")
    assert count(tmp_path / "again", "events") == 1
