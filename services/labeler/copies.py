"""Copies of all that the label store has of a run: written into an artifact, and taken back from one."""

from __future__ import annotations

import gzip
import hashlib
import io
import secrets
import zlib
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from protos.common_pb2 import Artifact
from protos.errors import ConflictError, DamagedError
from services.common.artifacts import ArtifactStore
from services.labeler.store import rows_of_run
from services.labeler.store.database import Database, translated
from services.labeler.store.runs import last_position, lock_run
from services.labeler.store.writer import Writer
from services.labeler.text import check_run

_LONGEST = 1 << 20  # bytes of one row


class Copies:
    """Saves runs, and restores them. The same rows go into any kind of database.

    Args:
        database: the label store.
        writer: its writer.
        artifacts: where copies are handed over.
    """

    def __init__(self, database: Database, writer: Writer, artifacts: ArtifactStore) -> None:
        self._database, self._writer, self._artifacts = database, writer, artifacts

    def save(self, run: str) -> tuple[Artifact, int]:
        """All rows of a run as of one moment, as an artifact that the caller removes; and the events in it.

        Raises:
            NotFoundError: when there is no such run.
            UnavailableError: when the database does not answer.
        """
        check_run(run)
        isolated = {} if self._database.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        try:
            with (
                self._database.engine.connect().execution_options(writes=False, **isolated) as connection,
                self._artifacts.writing(f"label-copies/{run}-{secrets.token_hex(8)}.jsonl.gz") as writing,
            ):
                with gzip.open(writing.path, "wb", compresslevel=3) as file:
                    file.writelines(rows_of_run.lines(connection, run))
                events = last_position(connection, run)
        except SQLAlchemyError as error:
            raise translated(error, self._database.name) from error
        return writing.artifact, events

    def restore(self, run: str, copy: Artifact) -> int:
        """Takes a copy into the store, all of it or nothing; returns the events in it. A run that is just so already stays.

        Raises:
            ConflictError: when the store has another state of the run, or a newer version has made the copy.
            DamagedError: when the copy is not what its reference says, or cannot be read.
        """
        check_run(run)
        data = self._artifacts.open(copy).read_bytes()
        if hashlib.sha256(data).hexdigest() != copy.sha256:  # of the very bytes that are used
            raise DamagedError(f"the copy {copy.path} of the labels has changed while it was read; restore it again")

        def work(connection: Connection) -> int:
            if rows_of_run.is_known(connection, run):
                lock_run(connection, run)
                if list(_lines(data, copy.path)) != list(rows_of_run.lines(connection, run)):
                    raise ConflictError(
                        f"the label store has a run {run} already, with other contents than the copy; restore into a"
                        " deployment that does not have it (nothing was changed)"
                    )
            else:
                rows_of_run.insert_lines(connection, run, _lines(data, copy.path))
            return last_position(connection, run)

        return self._writer.submit(run, work).result()


def _lines(data: bytes, name: str) -> Iterator[bytes]:
    try:
        with gzip.open(io.BytesIO(data)) as file:
            while line := file.readline(_LONGEST):
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedError(f"the copy {name} of the labels cannot be read ({error}); take another backup") from error
