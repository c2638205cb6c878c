"""A second home for a run: its folder is copied to another, as it grows, so that a machine that goes away takes nothing with it.

In Colab the machine is gone when the notebook is, and what stays is the user's Drive. A database does not like to live there, but
copies of it do: the label store is copied by SQLite's own backup, artifacts never change, and the journal comes last, so that it
never names what is not there.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

_STORE = Path("labels/labels.sqlite")
_JOURNAL = Path("journal.jsonl")
_LATER = {_JOURNAL, _STORE}
_LEFT_OUT = ("labels/derivatives", "labels/labels.sqlite", "logs", "swipe", "services.json", "artifacts/.", "pid")


def keep(runtime: Path, home: Path) -> bool:
    """Brings the copy in ``home`` up to date; whether anything was new.

    Raises:
        OSError: when it cannot be written there.
    """
    if not (runtime / "run.json").is_file():
        return False
    journal = (runtime / _JOURNAL).read_bytes() if (runtime / _JOURNAL).is_file() else b""
    changed = False
    for source in sorted(runtime.rglob("*")):
        name = source.relative_to(runtime)
        if name not in _LATER and not _is_left_out(name) and source.is_file() and not source.is_symlink():
            changed |= _copy(source, home / name)
    changed |= _copy_store(runtime / _STORE, home / _STORE)
    target = home / _JOURNAL
    if journal and (not target.is_file() or target.read_bytes() != journal):
        _write(target, journal)
        changed = True
    return changed


def restore(home: Path, runtime: Path) -> bool:
    """Puts the copy back where there is no run; whether there was one to put back.

    Raises:
        OSError: when it cannot be written there.
    """
    if (runtime / "run.json").exists() or not (home / "run.json").is_file():
        return False
    scratch = runtime.with_name(f".{runtime.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(home, scratch)
    if runtime.exists():
        shutil.copytree(scratch, runtime, dirs_exist_ok=True)
        shutil.rmtree(scratch)
    else:
        scratch.rename(runtime)
    return True


def _is_left_out(name: Path) -> bool:
    text = name.as_posix()
    return name.name.endswith((".new", "-wal", "-shm", ".lock")) or text.startswith(_LEFT_OUT)


def _copy(source: Path, target: Path) -> bool:
    try:
        about = source.stat()
        if target.is_file():
            there = target.stat()
            if (there.st_size, there.st_mtime_ns // 10**9) == (about.st_size, about.st_mtime_ns // 10**9):
                return False
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f".{target.name}.new")
        shutil.copy2(source, scratch)
        scratch.replace(target)
    except FileNotFoundError:  # tidied away meanwhile
        return False
    return True


def _copy_store(source: Path, target: Path) -> bool:
    if not source.is_file():
        return False
    newest = _newest(source)
    if newest is None or (target.is_file() and _newest(target) == newest):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.new")
    scratch.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as store,
        closing(sqlite3.connect(scratch)) as copy,
    ):
        store.backup(copy)
    scratch.replace(target)
    return True


def _newest(store: Path) -> tuple[int, ...] | None:
    """What tells whether a label store has changed; None where it is not whole: just being made, or a copy that is damaged."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            tables = ("events", "cards", "remarks")
            return tuple(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables)  # noqa: S608
    except sqlite3.Error:
        return None


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.new")
    scratch.write_bytes(content)
    scratch.replace(target)
