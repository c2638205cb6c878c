"""Cards in the store: on offer, withdrawn, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)

from services.labeler.model import ANSWERED, CHOSEN, OPEN, PREVALENCE, WITHDRAWN, Answer, Offered, Progress, Queue
from services.labeler.store.prepared import Prepared
from services.labeler.store.rows import chunks
from services.labeler.store.runs import last_position
from services.labeler.store.schema import cards


def offer(connection: Connection, run: str, number: int, offered: Sequence[Offered]) -> int:
    """Puts cards on offer behind those of the round; returns how many are new.

    What the round has already stays as it is, but for what was drawn by lot and has no answer: its image may be asked about for
    another reason. An open card of the same image that gives way is withdrawn, and whoever holds it holds the new one: no image
    is asked for twice at the same time.
    """
    known, drawn = _items_of(connection, run, number)
    new = {  # the first of each image
        card.item: card
        for card in reversed(offered)
        if card.item not in known or (card.item in drawn and card.reason != PREVALENCE)
    }
    ordered = [card for card in offered if new.get(card.item) is card]
    moved = _take_over(connection, run, new)
    _forget(connection, run, number, drawn & set(new))
    rank = connection.scalar(select(func.max(cards.c.rank)).where(cards.c.run == run, cards.c.round == number))
    first = 0 if rank is None else int(rank) + 1
    rows = [
        {
            "run": run,
            "round": number,
            "item": card.item,
            "rank": first + place,
            "reason": card.reason,
            "score": card.score,
            "second": card.second,
            "state": OPEN,
            "holder": moved[card.item].holder if card.item in moved else None,
            "held_until_ms": moved[card.item].held_until_ms if card.item in moved else 0,
        }
        for place, card in enumerate(ordered)
    ]
    if rows:
        connection.execute(insert(cards), rows)
    return len(rows)


def replace(connection: Connection, run: str, number: int, offered: Sequence[Offered], now_ms: int) -> int:
    """The same, in the place of all cards that nobody holds or has chosen, of whatever round; returns how many are new.

    What was answered since the cards were chosen is not offered again, but for a second opinion.
    """
    answered = _answered_of(connection, run, [card.item for card in offered])
    fresh = [card for card in offered if card.second or card.item not in answered]
    nobody_holds = and_(
        cards.c.run == run, cards.c.state == OPEN, cards.c.held_until_ms <= now_ms, cards.c.reason != CHOSEN
    )
    wanted = {card.item for card in fresh}
    idle = [
        (int(row.round), int(row.item))
        for row in connection.execute(select(cards.c.round, cards.c.item).where(nobody_holds))
    ]
    for part in chunks(item for of_round, item in idle if of_round != number or item not in wanted):
        connection.execute(update(cards).where(nobody_holds, cards.c.item.in_(part)).values(state=WITHDRAWN))
    return offer(connection, run, number, fresh)


def _answered_of(connection: Connection, run: str, items: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for part in chunks(items):
        these = and_(cards.c.run == run, cards.c.item.in_(part), cards.c.state.in_(ANSWERED))
        found |= {int(item) for item in connection.scalars(select(cards.c.item).where(these))}
    return found


def _items_of(connection: Connection, run: str, number: int) -> tuple[set[int], set[int]]:
    """The items of a round, and those of them that were drawn by lot and have no answer."""
    of_round = and_(cards.c.run == run, cards.c.round == number)
    by_lot = and_(of_round, cards.c.state.in_((OPEN, WITHDRAWN)), cards.c.reason == PREVALENCE)
    known, drawn = (connection.scalars(select(cards.c.item).where(which)) for which in (of_round, by_lot))
    return {int(item) for item in known}, {int(item) for item in drawn}


def _forget(connection: Connection, run: str, number: int, items: Iterable[int]) -> None:
    for part in chunks(items):
        connection.execute(delete(cards).where(cards.c.run == run, cards.c.round == number, cards.c.item.in_(part)))


def _take_over(connection: Connection, run: str, items: Iterable[int]) -> dict[int, Row[Any]]:
    moved: dict[int, Row[Any]] = {}
    for part in chunks(items):
        these = and_(cards.c.run == run, cards.c.item.in_(part), cards.c.state == OPEN)
        found = {int(row.item): row for row in connection.execute(select(cards).where(these))}
        if found:
            connection.execute(update(cards).where(these).values(state=WITHDRAWN))
        moved |= found
    return moved


def withdraw(connection: Connection, run: str, number: int) -> int:
    """Takes back the open cards of a round, held ones too; returns how many."""
    return connection.execute(
        update(cards).where(cards.c.run == run, cards.c.round == number, cards.c.state == OPEN).values(state=WITHDRAWN)
    ).rowcount


def withdraw_idle(connection: Connection, run: str, number: int, reason: str, now_ms: int) -> int:
    """Takes back the open cards of a round that have this reason and that nobody holds; returns how many."""
    idle = and_(cards.c.run == run, cards.c.round == number, cards.c.state == OPEN, cards.c.held_until_ms <= now_ms)
    return connection.execute(update(cards).where(idle, cards.c.reason == reason).values(state=WITHDRAWN)).rowcount


def open_items(connection: Connection, run: str, number: int) -> list[tuple[int, bool]]:
    """The items of a round that nobody has answered, best first, and whether a second opinion is wanted."""
    return [
        (int(row.item), bool(row.second))
        for row in connection.execute(
            select(cards.c.item, cards.c.second)
            .where(cards.c.run == run, cards.c.round == number, cards.c.state == OPEN)
            .order_by(cards.c.rank)
        )
    ]


def count_answered(connection: Connection, run: str, number: int) -> int:
    """Answered cards of a round."""
    states = _by_state(connection, run, number)
    return sum(states.get(answer, 0) for answer in ANSWERED)


_OF_RUN = cards.c.run == bindparam("b_run")
_OPEN = select(cards.c.item).where(_OF_RUN, cards.c.state == OPEN).limit(bindparam("b_most")).subquery()
COUNT_OPEN = Prepared(select(func.count()).select_from(_OPEN))
YOURS = Prepared(
    select(func.count()).where(
        _OF_RUN,
        cards.c.annotator == bindparam("b_annotator"),
        cards.c.state.in_([literal_column(f"'{a}'") for a in ANSWERED]),
    )
)


def count_open(connection: Connection, run: str, most: int) -> int:
    """Open cards of a run, in all rounds; counted no further than ``most``."""
    return int(COUNT_OPEN.value(connection, {"b_run": run, "b_most": most}) or 0)


def count(connection: Connection, run: str, number: int | None, now_ms: int) -> Queue:
    """How far a round is, or with None all of them together."""
    states = _by_state(connection, run, number)
    of_round = true() if number is None else cards.c.round == number
    held = select(func.count()).where(
        cards.c.run == run, of_round, cards.c.state == OPEN, cards.c.held_until_ms > now_ms
    )
    return Queue(
        run=run,
        round=number or 0,
        open=states.get(OPEN, 0),
        held=int(connection.scalar(held) or 0),
        positive=states.get(Answer.POSITIVE, 0),
        negative=states.get(Answer.NEGATIVE, 0),
        unsure=states.get(Answer.UNSURE, 0),
        withdrawn=states.get(WITHDRAWN, 0),
        last=last_position(connection, run),
    )


def _counting(*of: ColumnElement[bool]) -> Prepared:
    # All states are named so that the index answers, without a look at the cards themselves.
    named = cards.c.state.in_([literal_column(f"'{state}'") for state in (OPEN, WITHDRAWN, *ANSWERED)])
    return Prepared(select(cards.c.state, func.count()).where(_OF_RUN, *of, named).group_by(cards.c.state))


_STATES, _STATES_OF_ROUND = _counting(), _counting(cards.c.round == bindparam("b_round"))
_OLDEST_OPEN = Prepared(select(func.min(cards.c.round)).where(_OF_RUN, cards.c.state == OPEN))
_NEWEST = Prepared(select(func.max(cards.c.round)).where(_OF_RUN))
_POSITIVES = Prepared(
    select(func.count(cards.c.item.distinct())).where(_OF_RUN, cards.c.state == Answer.POSITIVE.value)
)


def _by_state(connection: Connection, run: str, number: int | None) -> dict[str, int]:
    statement = _STATES if number is None else _STATES_OF_ROUND
    return dict(statement.rows(connection, {"b_run": run} | ({} if number is None else {"b_round": number})))


def count_of_annotator(connection: Connection, run: str, annotator: str) -> int:
    """Answers of an annotator that stand."""
    return int(YOURS.value(connection, {"b_run": run, "b_annotator": annotator}) or 0)


def current_round(connection: Connection, run: str) -> int:
    """The oldest round with open cards, or else the newest one; 0 without rounds."""
    of = {"b_run": run}
    oldest = _OLDEST_OPEN.value(connection, of)
    return int((_NEWEST.value(connection, of) or 0) if oldest is None else oldest)


def progress(connection: Connection, run: str, number: int) -> Progress:
    """What the page shows to everybody of a round of a run."""
    states = _by_state(connection, run, number)
    return Progress(
        round=number,
        open=states.get(OPEN, 0),
        answered=sum(states.get(answer, 0) for answer in ANSWERED),
        positives=int(_POSITIVES.value(connection, {"b_run": run}) or 0),
    )
