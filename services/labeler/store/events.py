"""The log of answers: appended to, never rewritten. The latest event of an image is the one that counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from services.labeler.model import ANSWERED, OPEN, WITHDRAWN, Answer, Author, Entry, Event, Outcome
from services.labeler.store.prepared import Prepared
from services.labeler.store.rows import chunks
from services.labeler.store.runs import lock_run
from services.labeler.store.schema import cards, events, runs

# Built once, as they are part of every exchange with a page.
_COLUMNS = (  # in the order in which `_Card` takes them
    *(cards.c.round, cards.c.item, cards.c.reason, cards.c.second, cards.c.state),
    *(cards.c.holder, cards.c.held_until_ms, cards.c.annotator),
)
CARDS = Prepared(select(*_COLUMNS).where(cards.c.run == bindparam("b_run"), cards.c.item == bindparam("b_item")))
NEWEST = Prepared(
    select(func.max(events.c.sequence)).where(
        events.c.run == bindparam("b_run"), events.c.client == bindparam("b_client")
    )
)
_UPDATE_CARD = Prepared(
    update(cards)
    .where(
        cards.c.run == bindparam("b_run"), cards.c.round == bindparam("b_round"), cards.c.item == bindparam("b_item")
    )
    .values(
        state=bindparam("b_state"),
        holder=bindparam("b_holder"),
        held_until_ms=bindparam("b_until"),
        annotator=bindparam("b_annotator"),
    )
)
_ADD = Prepared(insert(events), [column.name for column in events.c])
_MOVE_ON = Prepared(update(runs).where(runs.c.run == bindparam("b_run")).values(last=bindparam("b_last")))
_FEW = 4  # items that are looked up one by one


class Appender:
    """Adds entries of one author to the log of a run and keeps the cards in step, all in the caller's transaction.

    Args:
        lease_until_ms: how long a card that an undo opens again stays with the one who took the answer back.
        needs_card: refuse answers about images that were never on offer.
        last: newest position of the log where the caller has locked the run.
        reason: of the answers, in the place of the cards'.
    """

    def __init__(
        self,
        connection: Connection,
        run: str,
        author: Author,
        now_ms: int,
        lease_until_ms: int,
        needs_card: bool = True,
        last: int | None = None,
        reason: str | None = None,
    ) -> None:
        self._connection, self._run, self._author = connection, run, author
        self._now, self._until, self._needs_card = now_ms, lease_until_ms, needs_card
        self._last = lock_run(connection, run)[1] if last is None else last
        self._reason = reason
        self._cards: dict[int, list[_Card]] = {}
        self._rows: list[dict[str, Any]] = []
        self.outcome = Outcome()

    def append(self, entries: Sequence[Entry], recorded: set[int]) -> Outcome:
        """Adds the entries whose sequence numbers are not ``recorded`` yet, in order."""
        self._cards = _cards_of(self._connection, self._run, {entry.item for entry in entries})
        done = set(recorded)
        for entry in entries:
            if entry.sequence is not None and entry.sequence in done:
                self.outcome.saved.append(entry.sequence)
                continue
            self._add(entry)
            if entry.sequence is not None:
                done.add(entry.sequence)
        self._write()
        return self.outcome

    def _add(self, entry: Entry) -> None:
        found = self._cards.get(entry.item, [])
        sequence = self._last + 1 if entry.sequence is None else entry.sequence
        if not found and self._needs_card:
            self.outcome.refused[sequence] = f"image {entry.item} was never on offer in the run {self._run}"
            return
        retracts = entry.answer is Answer.RETRACTED
        card = _card_to_retract(found, entry, self._author) if retracts else _card_to_answer(found, entry)
        if card is None and retracts and (found or self._needs_card):
            self.outcome.standing.append(sequence)
            return
        self._record(entry, sequence, card)
        if card is not None:
            opens = retracts and not any(other.state == OPEN and not other.second for other in found)
            card.answer(entry.answer, self._author, OPEN if opens else WITHDRAWN, self._until)
        self.outcome.saved.append(sequence)
        self.outcome.added += 1

    def _record(self, entry: Entry, sequence: int, card: _Card | None) -> None:
        self._last += 1
        self._rows.append(
            {
                "run": self._run,
                "position": self._last,
                "item": entry.item,
                "answer": entry.answer.value,
                "round": entry.round if card is None else card.round,
                "annotator": self._author.annotator,
                "time_ms": self._now,
                "reason": self._reason or ("" if card is None else card.reason),
                "late": card is not None and card.is_late_for(self._author, self._now),
                "client": self._author.client,
                "sequence": sequence,
                "scores_shown": entry.scores_shown,
            }
        )

    def _write(self) -> None:
        if not self._rows:
            return
        _ADD.run_each(self._connection, self._rows)
        changed = [
            {"b_run": self._run, **card.values()} for found in self._cards.values() for card in found if card.changed
        ]
        _UPDATE_CARD.run_each(self._connection, changed)
        _MOVE_ON.run(self._connection, {"b_run": self._run, "b_last": self._last})


class _Card:
    """A card while answers are applied to it."""

    def __init__(self, number: int, item: int, reason: str, second: bool, state: str, *lease: Any) -> None:
        self.round, self.item, self.reason, self.second, self.state = number, item, reason, second, state
        self.holder, self.until, self.annotator = lease
        self.changed = False

    def is_answer_of(self, author: Author) -> bool:
        """Whether its standing answer is the author's, given on this load of the page or on another one."""
        return self.state in ANSWERED and (self.holder == author.client or self.annotator == author.annotator)

    def is_late_for(self, author: Author, now_ms: int) -> bool:
        if self.state == WITHDRAWN:
            return True
        if self.holder in (None, author.client):
            return False
        return bool(self.state != OPEN or self.until > now_ms)

    def answer(self, answer: Answer, author: Author, state_after_undo: str, lease_until_ms: int) -> None:
        retracted = answer is Answer.RETRACTED
        self.state = state_after_undo if retracted else answer.value
        self.holder = author.client
        self.until = lease_until_ms if retracted else 0
        self.annotator = None if retracted else author.annotator
        self.changed = True

    def values(self) -> dict[str, Any]:
        return {
            "b_round": self.round,
            "b_item": self.item,
            "b_state": self.state,
            "b_holder": self.holder,
            "b_until": self.until,
            "b_annotator": self.annotator,
        }


def _cards_of(connection: Connection, run: str, items: set[int]) -> dict[int, list[_Card]]:
    found: dict[int, list[_Card]] = {}
    for row in _rows_of(connection, run, sorted(items)):
        card = _Card(*row)
        found.setdefault(card.item, []).append(card)
    return found


def _rows_of(connection: Connection, run: str, items: Sequence[int]) -> Iterator[Sequence[Any]]:
    if len(items) <= _FEW:
        for item in items:
            yield from CARDS.rows(connection, {"b_run": run, "b_item": item})
        return
    for part in chunks(items):
        yield from connection.execute(select(*_COLUMNS).where(cards.c.run == run, cards.c.item.in_(part)))


def _card_to_answer(found: list[_Card], entry: Entry) -> _Card | None:
    """The open card of an image; else the one of the round that the answer names; else its newest one.

    An open second opinion is for another: it takes only answers that name its round.
    """

    def rank(card: _Card) -> tuple[bool, bool, bool, int]:
        named = card.round == entry.round
        return card.state == OPEN and (named or not card.second), named, not card.second, card.round

    return max(found, key=rank, default=None)


def _card_to_retract(found: list[_Card], entry: Entry, author: Author) -> _Card | None:
    """The card whose standing answer is the author's own; None when somebody else has answered since."""
    own = [card for card in found if card.is_answer_of(author)]
    if not own:
        return None
    chosen = max(own, key=lambda card: (card.round == entry.round, card.round))
    newer = any(card.round > chosen.round and card.state in ANSWERED for card in found)
    return None if newer else chosen


def newest_of_client(connection: Connection, run: str, client: str) -> int:
    """The highest sequence number in the log from a client that numbers upwards; -1 where there is none."""
    found = NEWEST.value(connection, {"b_run": run, "b_client": client})
    return -1 if found is None else int(found)


def recorded_of(connection: Connection, run: str, client: str, sequences: Iterable[int]) -> set[int]:
    """Those of the sequence numbers that are in the log."""
    found: set[int] = set()
    for part in chunks(sequences):
        rows = select(events.c.sequence).where(
            events.c.run == run, events.c.client == client, events.c.sequence.in_(part)
        )
        found.update(int(sequence) for sequence in connection.scalars(rows))
    return found


def list_events(connection: Connection, run: str, after: int, limit: int) -> list[Event]:
    """Up to ``limit`` events after a position, oldest first."""
    rows = connection.execute(
        select(events).where(events.c.run == run, events.c.position > after).order_by(events.c.position).limit(limit)
    )
    return [
        Event(
            position=int(row.position),
            item=int(row.item),
            answer=Answer(row.answer),
            round=int(row.round),
            annotator=row.annotator,
            time_ms=int(row.time_ms),
            reason=row.reason,
            late=bool(row.late),
            scores_shown=bool(row.scores_shown),
        )
        for row in rows
    ]


def count_annotators(connection: Connection, run: str, items: Iterable[int]) -> dict[int, int]:
    """How many people have ever answered each of these items; those that nobody has are left out."""
    found: dict[int, int] = {}
    for part in chunks(list(items)):
        asked = and_(events.c.run == run, events.c.item.in_(part))
        people = func.count(func.distinct(events.c.annotator))
        found |= {
            int(i): int(n)
            for i, n in connection.execute(select(events.c.item, people).where(asked).group_by(events.c.item))
        }
    return found
