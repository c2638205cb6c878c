"""The desk: cards go out, answers come in. The one core under both sides of the service, gRPC and web."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from protos.errors import InvalidInputError
from services.labeler.catalogs import Catalogs, RunCatalog
from services.labeler.changes import Changes
from services.labeler.copies import Copies
from services.labeler.model import Answer, Author, Entry, Event, Offered, Outcome, Queue, Remark, Reply, Run, Visit
from services.labeler.people import People
from services.labeler.simulating import answer_open, is_wrong
from services.labeler.store import cards, events, remarks, runs
from services.labeler.store.counted import Counted
from services.labeler.store.database import Database, translated
from services.labeler.store.runs import Level
from services.labeler.store.visits import receive
from services.labeler.store.writer import T, Writer
from services.labeler.text import check_run, clean, clean_lines

LEASE_S = 60.0
MOST_EVENTS = 10_000  # in one page of the log
MOST_REMARKS = 1000  # in one page
_LAST = 2**63 - 1  # the largest number that a database holds
WATCH_S = 2.0  # a watcher hears something at least so often


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Desk:
    """Runs, cards and answers.

    Whatever returns a Future is done, and on disk, when the future is; nothing else is ever acknowledged.

    Args:
        database: the label store; closed with the desk.
        catalogs: of the runs.
        lease_s: seconds that a card stays with somebody who gives no sign of life.
    """

    def __init__(self, database: Database, catalogs: Catalogs, lease_s: float = LEASE_S) -> None:
        self._database, self._catalogs = database, catalogs
        self._lease_ms = int(lease_s * 1000)
        self._changes = Changes()
        self._people = People(lease_s)
        self._counted = Counted()
        self._writer = Writer(database, self._changes.bump)
        self.copies = Copies(database, self._writer, catalogs.artifacts)

    def close(self) -> None:
        """Finishes what is being written and closes the store."""
        self._writer.close()
        self._database.close()

    # Runs

    def open_run(self, run: Run) -> Future[None]:
        """Makes a run known, or renews its texts; its catalog may only grow."""
        check_run(run.run)
        self._catalogs.open(run.catalog)
        known = self._read(lambda connection: runs.find_run(connection, run.run))
        if known is not None:
            self._catalogs.check_grown(run.run, known.catalog, run.catalog)
        tidy = replace(
            run,
            name=clean(run.name, 200),
            question=clean(run.question, 500),
            batch_size=max(1, min(run.batch_size or 10, 1000)),
            definition=clean_lines(run.definition, 5000),
        )
        return self._writer.submit(run.run, lambda connection: runs.open_run(connection, tidy, now_ms()))

    def close_run(self, run: str, sentence: str) -> Future[None]:
        """Says that labeling is over; opening the run again goes on with it."""
        self.run(run)
        text = clean(sentence, 500)
        return self._writer.submit(run, lambda connection: runs.close_run(connection, run, text))

    def run(self, run: str) -> Run:
        """A run by its name.

        Raises:
            NotFoundError: when there is none.
        """
        found = self._read(lambda connection: runs.find_run(connection, run))
        if found is None:
            raise runs.unknown_run(run)
        return found

    def runs(self) -> list[tuple[Run, int]]:
        """All runs with the number of their open cards, the newest first."""
        return self._read(runs.list_runs)

    def levels(self) -> list[Level]:
        """How much waits and has come, of each run whose labeling is not over."""
        return self._read(runs.levels)

    def catalog(self, run: str) -> RunCatalog:
        """The images of a run."""
        return self.catalog_of(self.run(run))

    def catalog_of(self, run: Run) -> RunCatalog:
        """The images of a run that is known already."""
        return self._catalogs.open(run.catalog)

    # Cards

    def offer(self, run: str, number: int, offered: Sequence[Offered], replace_others: bool = False) -> Future[int]:
        """Puts cards on offer, best first; the future is the number of new ones.

        Args:
            replace_others: cards that nobody holds, of whatever round, give way to these.
        """
        self.catalog(run).check(card.item for card in offered)
        tidy = [replace(card, reason=clean(card.reason, 200)) for card in offered]

        def work(connection: Connection) -> int:
            runs.lock_run(connection, run)
            if replace_others:
                return cards.replace(connection, run, number, tidy, now_ms())
            return cards.offer(connection, run, number, tidy)

        return self._writer.submit(run, work)

    def withdraw(self, run: str, number: int, reason: str = "") -> Future[int]:
        """Takes back the open cards of a round; the future is their number.

        Args:
            reason: only cards that have it and that nobody holds; empty: all, held ones too.
        """

        def work(connection: Connection) -> int:
            runs.lock_run(connection, run)
            if reason:
                return cards.withdraw_idle(connection, run, number, reason, now_ms())
            return cards.withdraw(connection, run, number)

        return self._writer.submit(run, work)

    def queue(self, run: str, number: int | None) -> Queue:
        """How far a round is, or with None all of them together."""
        self.run(run)
        return self._read(lambda connection: cards.count(connection, run, number, now_ms()))

    def watch(self, run: str, number: int, active: Callable[[], bool]) -> Iterator[Queue]:
        """How far a round is, at each change and at least every two seconds, until nothing of it is open.

        Args:
            active: asked now and then; the watching ends when it says no.
        """
        sent: Queue | None = None
        heard = 0.0
        while active():
            seen = self._changes.count(run)
            queue = self.queue(run, number)
            if queue != sent or time.monotonic() - heard >= WATCH_S:
                yield queue
                sent, heard = queue, time.monotonic()
            if queue.open == 0:
                return
            self._changes.wait(run, seen, max(0.0, heard + WATCH_S - time.monotonic()))

    # Answers

    def visit(self, run: str, visit: Visit) -> Future[Reply]:
        """One exchange with a page: its answers are recorded, its leases renewed, its hands filled, in one transaction."""
        at_work = partial(self._people.at_work, run, visit.author, visit.leave)
        return self._writer.submit(
            run,
            lambda connection: receive(connection, run, visit, now_ms(), self._lease_ms, self._counted, at_work),
            lambda c, reply: self._counted.add_to(c, run, visit, reply),
        )

    def simulate(
        self, run: str, number: int, pos_class: str, limit: int = 0, error: float = 0.0, seed: int = 0
    ) -> Future[int]:
        """Answers the open cards of a round: positive where ``pos_class`` occurs in the file name; the future is their number.

        Args:
            limit: answers of the round at most, best cards first, those of earlier calls included; 0: all.
            error: share of wrong answers; which ones they are follows from ``seed`` and the item. A second opinion is
                another simulated annotator's, who errs at other items; so is a third.
        """
        if not pos_class:
            raise InvalidInputError(
                "pos_class is empty, and every file name contains that; give the text that marks positive images"
            )
        if not 0 <= error <= 1:
            raise InvalidInputError(f"a share of {error:g} wrong answers is none between 0 and 1")
        names = self.catalog(run)

        def said(item: int, second: bool) -> Entry:
            truth = pos_class in names.name(item)
            wrong = is_wrong(item, error, seed, f":{number}" if second else "")
            return Entry(item, number, Answer.POSITIVE if truth != wrong else Answer.NEGATIVE)

        def work(connection: Connection) -> int:
            runs.lock_run(connection, run)
            return answer_open(connection, run, number, said, limit, now_ms())

        return self._writer.submit(run, work)

    def import_labels(self, run: str, number: int, labels: Sequence[tuple[int, bool]], annotator: str) -> Future[int]:
        """Records (item, positive) labels that were made elsewhere; the future is how many are new."""
        name = clean(annotator, 80)
        if not name:
            raise InvalidInputError("the labels have no annotator; say where they come from, for example 'seed folder'")
        self.catalog(run).check(item for item, _ in labels)
        author = Author(client=f"import:{number}:{name}", annotator=name)
        entries = [
            Entry(item, number, Answer.POSITIVE if positive else Answer.NEGATIVE, sequence=2 * item + positive)
            for item, positive in labels
        ]

        def work(connection: Connection) -> int:
            numbers = [entry.sequence for entry in entries if entry.sequence is not None]
            recorded = events.recorded_of(connection, run, author.client, numbers)
            appender = events.Appender(connection, run, author, now_ms(), 0, needs_card=False)
            return appender.append(entries, recorded).added

        return self._writer.submit(run, work)

    def mark(self, run: str, author: Author, entries: Sequence[Entry], reason: str | None = None) -> Future[Outcome]:
        """Records answers about any images, on offer or not: what somebody says while looking through the data set.

        Args:
            reason: of the answers, in the place of the cards'.

        Raises:
            NotFoundError: when there is no such run or image.
        """
        self.catalog(run).check(entry.item for entry in entries)

        def work(connection: Connection) -> Outcome:
            numbers = [entry.sequence for entry in entries if entry.sequence is not None]
            recorded = events.recorded_of(connection, run, author.client, numbers)
            adding = events.Appender(connection, run, author, now_ms(), 0, needs_card=False, reason=reason)
            return adding.append(entries, recorded)

        return self._writer.submit(run, work)

    def remark(self, run: str, remark: Remark) -> Future[None]:
        """Records a flag or a note.

        Raises:
            NotFoundError: when there is no such run or image.
        """
        self.catalog(run).check([remark.item])
        return self._writer.submit(run, lambda connection: remarks.add(connection, run, remark, now_ms()))

    def remarks(self, run: str) -> list[Remark]:
        """All flags and notes of a run, the oldest first."""
        self.run(run)
        return self._read(lambda connection: remarks.of_run(connection, run))

    def remarks_after(self, run: str, after: int, limit: int) -> list[tuple[int, Remark]]:
        """A page of them after a number, each with its own: at most ``limit`` or 1000, whichever is less; 0: 1000."""
        self.run(run)
        most = min(limit or MOST_REMARKS, MOST_REMARKS)
        return self._read(lambda connection: remarks.page(connection, run, min(after, _LAST), most))

    def events(self, run: str, after: int, limit: int) -> tuple[list[Event], int]:
        """A page of the log after a position, and the newest position of the run."""
        self.run(run)
        most = min(limit or MOST_EVENTS, MOST_EVENTS)
        start = min(after, 2**63 - 1)  # of what a database counts to

        def work(connection: Connection) -> tuple[list[Event], int]:
            return events.list_events(connection, run, start, most), runs.last_position(connection, run)

        return self._read(work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._database.engine.connect().execution_options(writes=False) as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise translated(error, self._database.name) from error
