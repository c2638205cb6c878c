"""The command line as a user starts it, and what a run has left behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil

from orchestrator.journal import read_entries

ACTIVE_LABELER = [sys.executable, "-c", "from orchestrator.cli import main; main()"]
HOG = ("--set", "encoder.builtin=hog")  # a run that names no encoder wants one of the hub
Rows = list[tuple[int, str, int]]


def environment() -> dict[str, str]:
    """The environment of a user who knows nothing of other runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ACTIVE_LABELER_")}
    return {**kept, "COLUMNS": "160"}


def run_command(
    *arguments: str | Path, cwd: Path, typed: str = "", timeout_s: float = 240, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs ``active-labeler ARGUMENTS`` to its end; ``more`` are environment variables."""
    return subprocess.run(
        [*ACTIVE_LABELER, *map(str, arguments)],
        cwd=cwd,
        env={**environment(), **more},
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def start_command(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.Popen[str]:
    """Starts ``active-labeler ARGUMENTS`` in a process group of its own; its output goes to ``cwd/output.txt``.

    Args:
        more: environment variables.
    """
    with (cwd / "output.txt").open("a") as output:
        return subprocess.Popen(
            [*ACTIVE_LABELER, *map(str, arguments)],
            cwd=cwd,
            env={**environment(), **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )


def label_rows(runtime: Path, run: str | None = None) -> Rows:
    """The (item, answer, round) rows of the label log in ``runtime/labels``, sorted; of one run, or of all."""
    store = f"file:{runtime / 'labels' / 'labels.sqlite'}?mode=ro"
    with closing(sqlite3.connect(store, uri=True)) as database:
        rows = database.execute("SELECT item, answer, round FROM events WHERE run = ? OR ? IS NULL", (run, run))
        return sorted(rows.fetchall())


def services_of(pid: int) -> dict[str, int]:
    """Service name -> process number, of the services that a command has started."""
    found = {}
    try:
        children = [(child, child.cmdline()) for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:  # one of them has just ended
        return {}
    for child, line in children:
        name = next((part.removeprefix("services.") for part in line if part.startswith("services.")), None)
        if name is not None:
            found[name] = child.pid
    return found


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


def still_alive(pids: list[int], seconds: float = 15) -> list[int]:
    """Those of ``pids`` that live on after ``seconds``; a zombie is dead."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process.pid for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def steps_done(work: Path) -> int:
    """Steps in the journal of the run in ``work/runtime``."""
    journal = work / "runtime" / "journal.jsonl"
    return len(read_entries(journal)[0]) if journal.exists() else 0


def kill_at(process: subprocess.Popen[str], work: Path, victim: str, steps: int) -> list[int]:
    """Kills a service of a run, or the "orchestrator", once its journal has so many steps.

    Returns:
        all processes of the run, dead or alive.
    """
    pids: dict[str, int] = {}
    end = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < end:
        if len(pids) < 5:
            pids = services_of(process.pid)
        if len(pids) >= 5 and steps_done(work) >= steps:
            kill(process.pid if victim == "orchestrator" else pids[victim])
            break
        time.sleep(0.01)
    process.wait(60)
    return [process.pid, *pids.values()]
