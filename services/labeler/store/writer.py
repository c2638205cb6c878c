"""The one writer: a thread that takes all jobs that wait, runs them in one transaction, and acknowledges after its commit.

A commit that survives a power cut costs milliseconds; shared by everyone who waits it costs nearly nothing (group commit).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from protos.errors import ActiveLabelerError, InternalError, UnavailableError
from services.labeler.store.database import Database, translated
from services.labeler.store.prepared import run_text

log = logging.getLogger(__name__)

_GROUP = 256  # jobs in one transaction
T = TypeVar("T")
Finish = Callable[[Connection, Any], Any]  # gets what the job has returned; returns what the future carries


@dataclass
class _Job:
    run: str
    work: Callable[[Connection], Any]
    future: Future[Any]
    finish: Finish | None = None


class Writer:
    """Runs jobs that write.

    Args:
        database: where to.
        changed: called with the name of a run after a job for it has been committed.
    """

    def __init__(self, database: Database, changed: Callable[[str], None]) -> None:
        self._database = database
        self._changed = changed
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="label-writer", daemon=True)
        self._thread.start()

    def submit(self, run: str, work: Callable[[Connection], T], finish: Finish | None = None) -> Future[T]:
        """Queues ``work``; its future is done after the commit, or carries the error and nothing of it was written.

        Args:
            finish: what is read when all jobs of the transaction have been done, and adds to the outcome of this one.
        """
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(UnavailableError("the labeler is stopping; send it again in a moment"))
        else:
            self._jobs.put(_Job(run, work, future, finish))
        return future

    def close(self) -> None:
        """Finishes what waits and ends the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            group, last = self._take()
            group = [job for job in group if job.future.set_running_or_notify_cancel()]
            if group:
                self._write(group)
            if last:
                return

    def _take(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) == _GROUP or self._jobs.empty():
                return group, False
            job = self._jobs.get()
        return group, True

    def _write(self, group: list[_Job]) -> None:
        # In one order of runs everywhere, so that replicas on one Postgres do not lock each other out.
        group.sort(key=lambda job: job.run)
        try:
            with self._database.writing() as connection:
                results = _finish(connection, group, [_attempt(connection, job) for job in group])
        except Exception as error:
            if len(group) == 1:
                group[0].future.set_exception(self._failure(error))
            else:  # one by one, so that a job that cannot be written fails alone
                for job in group:
                    self._write([job])
            return
        for job, (value, raised) in zip(group, results, strict=True):
            if raised is None:
                self._changed(job.run)
                job.future.set_result(value)
            else:
                job.future.set_exception(raised)

    def _failure(self, error: Exception) -> ActiveLabelerError:
        if isinstance(error, SQLAlchemyError):
            failure = translated(error, self._database.name)
            log.error("%s", failure)
            return failure
        log.exception("a group of answers could not be written")
        return InternalError(f"the labels could not be written: {type(error).__name__}: {error}")


def _attempt(connection: Connection, job: _Job) -> tuple[Any, Exception | None]:
    """One job in a savepoint: when it raises, the others of its group go on."""
    run_text(connection, "SAVEPOINT job")
    try:
        value = job.work(connection)
    except SQLAlchemyError:
        raise  # the transaction cannot go on; the group is tried again job by job
    except Exception as error:
        run_text(connection, "ROLLBACK TO SAVEPOINT job")
        return None, error
    run_text(connection, "RELEASE SAVEPOINT job")
    return value, None


def _finish(
    connection: Connection, group: list[_Job], results: list[tuple[Any, Exception | None]]
) -> list[tuple[Any, Exception | None]]:
    return [
        (value if raised or job.finish is None else job.finish(connection, value), raised)
        for job, (value, raised) in zip(group, results, strict=True)
    ]
