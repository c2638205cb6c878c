"""One exchange with a page: answers in, leases renewed, hands filled, in one transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from services.labeler.model import Outcome, Reply, Visit
from services.labeler.store import cards, events, leases, runs

MOST_HELD = 50  # cards in one pair of hands
_MOST_RESERVED = 200  # for a time without a network
_RESERVED_MS = 3_600_000
_LEAST_SHARE = 2  # one to look at, one to come
_AHEAD = 24


def receive(
    connection: Connection,
    run: str,
    visit: Visit,
    now_ms: int,
    lease_ms: int,
    people: int = 1,
    others: Collection[str] = (),
) -> Reply:
    """Does what a page asks for.

    Args:
        people: clients at work on the run. When few cards are open, each gets a share of them, and whoever holds more than
            that gives some back: nobody waits while others have a pile before them. What is reserved stays.
        others: annotators at work on the run besides this one.

    Raises:
        NotFoundError: when there is no such run.
    """
    until = now_ms + (max(lease_ms, _RESERVED_MS) if visit.reserve else lease_ms)
    client, annotator = visit.author.client, visit.author.annotator
    known, _ = runs.lock_run(connection, run)
    outcome = _record(connection, run, visit, now_ms, until)
    if visit.leave:
        leases.release(connection, run, client)
        held, mine = [], []
    else:
        most = _MOST_RESERVED if visit.reserve else MOST_HELD
        people = max(1, people)
        # Where everybody can have all that a hand holds, it does not matter how many more there are.
        share = max(_LEAST_SHARE, -(-cards.count_open(connection, run, people * _MOST_RESERVED) // people))
        keep = len(visit.hold) if visit.reserve else share
        leases.release(connection, run, client, visit.hold[keep:])
        held = leases.renew(connection, run, client, visit.hold[:keep], now_ms, until)
        # Cards that an earlier reply gave away, but that never arrived, are given again.
        mine = [card for card in leases.held_by(connection, run, client, now_ms) if card.item not in set(held)]
        missing = min(visit.want, most, share) - len(held) - len(mine)
        mine += leases.claim(connection, run, visit.author, missing, now_ms, until, others)
    coming = leases.unheld(connection, run, _AHEAD, now_ms, annotator, others) if mine else []
    ahead = [card.item for card in coming]
    return Reply(known, outcome, held, mine, ahead, cards.progress(connection, run, annotator), max(0, people - 1))


def _record(connection: Connection, run: str, visit: Visit, now_ms: int, until_ms: int) -> Outcome:
    if not visit.entries:
        return Outcome()
    # A page numbers upwards and sends in order: whatever is not above the newest number has been dealt with.
    newest = events.newest_of_client(connection, run, visit.author.client)
    done = {entry.sequence for entry in visit.entries if entry.sequence is not None and entry.sequence <= newest}
    return events.Appender(connection, run, visit.author, now_ms, until_ms).append(visit.entries, done)
