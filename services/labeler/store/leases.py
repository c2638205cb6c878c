"""Leases: who has which open card in hand, and until when.

They are columns of the cards, not a list in memory: they outlive a restart of the labeler, and several labelers on one
Postgres agree about them. A lease that nobody renews runs out, so that a closed tab or a lost phone blocks no card.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, true, update

from services.labeler.model import OPEN, Author, Card
from services.labeler.store.rows import chunks
from services.labeler.store.schema import cards, events


def renew(connection: Connection, run: str, client: str, items: Sequence[int], now_ms: int, until_ms: int) -> list[int]:
    """Holds the items further, also those whose lease ran out while nobody else took them; returns what is held."""
    kept: set[int] = set()
    for part in chunks(items):
        mine = and_(
            cards.c.run == run,
            cards.c.item.in_(part),
            cards.c.state == OPEN,
            or_(cards.c.holder == client, cards.c.holder.is_(None), cards.c.held_until_ms <= now_ms),
        )
        kept.update(int(item) for item in connection.scalars(select(cards.c.item).where(mine)))
        connection.execute(update(cards).where(mine).values(holder=client, held_until_ms=until_ms))
    return [item for item in items if item in kept]


def held_by(connection: Connection, run: str, client: str, now_ms: int) -> list[Card]:
    """The cards that a client holds, in the order of their offer."""
    rows = connection.execute(
        select(cards.c.item, cards.c.round)
        .where(cards.c.run == run, cards.c.holder == client, cards.c.state == OPEN, cards.c.held_until_ms > now_ms)
        .order_by(cards.c.round, cards.c.rank)
    )
    return [Card(int(item), int(number)) for item, number in rows]


def claim(
    connection: Connection,
    run: str,
    author: Author,
    want: int,
    now_ms: int,
    until_ms: int,
    others: Collection[str] = (),
) -> list[Card]:
    """Gives up to ``want`` cards that nobody holds to a client, best first; the run is locked by the caller.

    Args:
        others: annotators at work besides the author.
    """
    given = unheld(connection, run, want, now_ms, author.annotator, others)
    for number in {
        card.round for card in given
    }:  # with the round, the key finds them; without it, all open cards are read
        for part in chunks(card.item for card in given if card.round == number):
            these = and_(cards.c.run == run, cards.c.round == number, cards.c.item.in_(part), cards.c.state == OPEN)
            connection.execute(update(cards).where(these).values(holder=author.client, held_until_ms=until_ms))
    return given


def unheld(
    connection: Connection, run: str, limit: int, now_ms: int, annotator: str, others: Collection[str] = ()
) -> list[Card]:
    """The next cards that nobody holds, best first, the oldest round before the others.

    A second opinion is for somebody who has not answered the image. It waits for one of the ``others`` who has not; where
    there is nobody like that, the annotator is asked again, so that no round waits for ever.
    """
    if limit <= 0:
        return []
    wanted = or_(
        ~cards.c.second, ~_has_answered(run, annotator), and_(true(), *(_has_answered(run, other) for other in others))
    )
    rows = connection.execute(
        select(cards.c.item, cards.c.round)
        .where(cards.c.run == run, cards.c.state == OPEN, cards.c.held_until_ms <= now_ms, wanted)
        .order_by(cards.c.round, cards.c.rank)
        .limit(limit)
    )
    return [Card(int(item), int(number)) for item, number in rows]


def _has_answered(run: str, annotator: str) -> ColumnElement[bool]:
    return exists().where(events.c.run == run, events.c.item == cards.c.item, events.c.annotator == annotator)


def release(connection: Connection, run: str, client: str, items: Sequence[int] | None = None) -> None:
    """Gives back what a client holds: these items, or everything."""
    mine = and_(cards.c.run == run, cards.c.holder == client, cards.c.state == OPEN)
    for part in [None] if items is None else chunks(items):
        these = mine if part is None else and_(mine, cards.c.item.in_(part))
        connection.execute(update(cards).where(these).values(holder=None, held_until_ms=0))
