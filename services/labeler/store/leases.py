"""Leases: who has which open card in hand, and until when.

They are columns of the cards, not a list in memory: they outlive a restart of the labeler, and several labelers on one
Postgres agree about them. A lease that nobody renews runs out, so that a closed tab or a lost phone blocks no card.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, distinct, exists, false, func, or_, select, true, update

from services.labeler.model import OPEN, Author, Card
from services.labeler.store.prepared import Prepared
from services.labeler.store.rows import chunks
from services.labeler.store.schema import IS_OPEN, cards, events

_MOST_LAPSED = 500  # looked at in one exchange
_FRESH = 8  # a lease is not written anew while less than one part of so many of it is gone

# Statements are built once: to build one takes longer than to run it, and an exchange with a page has several.
_OF_RUN = and_(cards.c.run == bindparam("b_run"), cards.c.state == OPEN)
_ITEMS = cards.c.item.in_(bindparam("b_items", expanding=True))
_KEY = and_(_OF_RUN, cards.c.item == bindparam("b_item"), cards.c.round == bindparam("b_round"))
# Sorted by us: asked for this order, SQLite would rather read all open cards in it than the few of a holder.
OWNED = Prepared(
    select(cards.c.item, cards.c.round, cards.c.rank, cards.c.held_until_ms).where(
        _OF_RUN, cards.c.holder == bindparam("b_client")
    )
)
_FREE = and_(_OF_RUN, _ITEMS, or_(cards.c.holder.is_(None), cards.c.held_until_ms <= bindparam("b_now")))
_STILL_FREE = select(cards.c.item).where(_FREE)
_HOLD: dict[str, Any] = {"holder": bindparam("b_client"), "held_until_ms": bindparam("b_until")}
_RENEW = Prepared(update(cards).where(_KEY, cards.c.holder == bindparam("b_client")).values(_HOLD))
_TAKE = update(cards).where(_FREE).values(_HOLD)
_CLAIM = Prepared(update(cards).where(_KEY).values(_HOLD))
_RELEASE_ALL = (
    update(cards).where(_OF_RUN, cards.c.holder == bindparam("b_client")).values(holder=None, held_until_ms=0)
)
_RELEASE = _RELEASE_ALL.where(_ITEMS)
_NEXT = select(cards.c.item, cards.c.round, cards.c.rank).order_by(cards.c.round, cards.c.rank)
_NEXT = _NEXT.where(cards.c.run == bindparam("b_run")).limit(bindparam("b_limit"))
_FIRST = and_(IS_OPEN, cards.c.second == false())
NEVER_HELD = Prepared(_NEXT.where(_FIRST, cards.c.held_until_ms == 0))
# By the ends of their leases, and sorted by us: in the order of ranks all that is lent would be read.
LAPSED = Prepared(
    _NEXT.order_by(None)
    .order_by(cards.c.held_until_ms)
    .limit(_MOST_LAPSED)
    .where(_FIRST, cards.c.held_until_ms > 0, cards.c.held_until_ms <= bindparam("b_now"))
)
_VOTE = and_(events.c.run == cards.c.run, events.c.item == cards.c.item)
_OTHER_VOTES = (
    select(func.count(distinct(events.c.annotator)))
    .where(_VOTE, events.c.annotator.in_(bindparam("b_others", expanding=True)))
    .scalar_subquery()
)
_OPEN_SECOND = and_(_OF_RUN, cards.c.second == true())
ANY_SECOND = Prepared(select(cards.c.item).where(_OPEN_SECOND).limit(1))
SECOND_OPINIONS = _NEXT.where(
    _OPEN_SECOND,
    cards.c.held_until_ms <= bindparam("b_now"),
    or_(
        ~exists().where(_VOTE, events.c.annotator == bindparam("b_annotator")),
        bindparam("b_other_count") <= _OTHER_VOTES,
    ),
)


@dataclass(frozen=True)
class Hands:
    """What a client holds: the items that it asked to hold further, and cards that it was given but did not name."""

    held: list[int]
    unnamed: list[Card]


def renew(connection: Connection, run: str, client: str, items: Sequence[int], now_ms: int, until_ms: int) -> Hands:
    """Holds the items further, also those whose lease ran out while nobody else took them.

    A lease that has hardly begun is left as it is: people answer every second, and a minute's lease need not be written
    each time.
    """
    of = {"b_run": run, "b_client": client}
    owned = {item: (number, until) for item, number, _, until in sorted(OWNED.rows(connection, of), key=_in_order)}
    fresh = range(until_ms - (until_ms - now_ms) // _FRESH, until_ms + 1)
    stale = [item for item in items if item in owned and owned[item][1] not in fresh]
    _hold(connection, _RENEW, of, [Card(item, owned[item][0]) for item in stale], until_ms)
    lost = [item for item in items if item not in owned]
    taken = _take_free(connection, run, client, lost, now_ms, until_ms)
    wanted = set(items)
    return Hands(
        held=[item for item in items if item in owned or item in taken],
        unnamed=[
            Card(item, number) for item, (number, until) in owned.items() if item not in wanted and until > now_ms
        ],
    )


def _in_order(row: tuple[int, int, int, int]) -> tuple[int, int]:
    return row[1], row[2]


def _hold(connection: Connection, how: Prepared, of: dict[str, Any], held: Iterable[Card], until_ms: int) -> None:
    how.run_each(connection, [{**of, "b_item": card.item, "b_round": card.round, "b_until": until_ms} for card in held])


def _take_free(
    connection: Connection, run: str, client: str, items: Iterable[int], now_ms: int, until_ms: int
) -> set[int]:
    taken: set[int] = set()
    for part in chunks(items):
        free = {"b_run": run, "b_items": part, "b_now": now_ms}
        taken.update(int(item) for item in connection.scalars(_STILL_FREE, free))
        connection.execute(_TAKE, {**free, "b_client": client, "b_until": until_ms})
    return taken


def claim(connection: Connection, run: str, client: str, given: Sequence[Card], until_ms: int) -> None:
    """Gives cards that nobody holds to a client; the run is locked by the caller."""
    _hold(connection, _CLAIM, {"b_run": run, "b_client": client}, given, until_ms)


def unheld(
    connection: Connection, run: str, limit: int, now_ms: int, author: Author, others: Collection[str] = ()
) -> list[Card]:
    """The next cards that nobody holds, best first, the oldest round before the others.

    A second opinion is for somebody who has not answered the image. It waits for one of the ``others``, annotators at
    work besides the author, who has not; where there is nobody like that, the author is asked again, so that no round
    waits for ever.
    """
    if limit <= 0:
        return []
    of = {"b_run": run}
    limited = {**of, "b_limit": limit}
    first = NEVER_HELD.rows(connection, limited)
    lapsed = LAPSED.rows(connection, {**of, "b_now": now_ms})
    second: list[Any] = []
    if ANY_SECOND.rows(connection, of):
        asked = {"b_annotator": author.annotator, "b_others": list(others), "b_other_count": len(others)}
        second = [tuple(row) for row in connection.execute(SECOND_OPINIONS, {**limited, **asked, "b_now": now_ms})]
    if lapsed or second:
        first = sorted([*first, *lapsed, *second], key=lambda row: (row[1], row[2]))
    return [Card(item, number) for item, number, _ in first[:limit]]


def release(connection: Connection, run: str, client: str, items: Sequence[int] | None = None) -> None:
    """Gives back what a client holds: these items, or everything."""
    of = {"b_run": run, "b_client": client}
    if items is None:
        connection.execute(_RELEASE_ALL, of)
        return
    for part in chunks(items):
        connection.execute(_RELEASE, {**of, "b_items": part})


def with_scores(connection: Connection, run: str, given: Sequence[Card]) -> list[Card]:
    """The same cards, each with why it was chosen, and its score."""
    wanted = cards.c.run == bindparam("b_run"), cards.c.item.in_([card.item for card in given])
    rows = connection.execute(
        select(cards.c.item, cards.c.round, cards.c.reason, cards.c.score).where(*wanted), {"b_run": run}
    )
    known = {(int(item), int(number)): (reason, score) for item, number, reason, score in rows}
    return [Card(card.item, card.round, *known.get((card.item, card.round), ("", None))) for card in given]
