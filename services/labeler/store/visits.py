"""One exchange with a page: answers in, leases renewed, hands filled, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import Connection

from services.labeler.model import Outcome, Reply, Visit
from services.labeler.store import events, leases, runs
from services.labeler.store.counted import Counted

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
    counted: Counted,
    at_work: Callable[[], tuple[int, Collection[str]]],
) -> Reply:
    """Does what a page asks for; how far the run is, ``counted`` adds at the end of the transaction.

    Args:
        at_work: takes this for a sign of life, and tells how many clients are at work on the run, and which annotators besides
            this one; not asked about a run that there is not. When few cards are open, each client gets a share of them, and
            whoever holds more than that gives some back: nobody waits while others have a pile before them. What is reserved
            stays.

    Raises:
        NotFoundError: when there is no such run.
    """
    until = now_ms + (max(lease_ms, _RESERVED_MS) if visit.reserve else lease_ms)
    client = visit.author.client
    known, last = runs.lock_run(connection, run)
    people, others = at_work()
    outcome = _record(connection, run, last, visit, now_ms, until)
    if visit.leave:
        leases.release(connection, run, client)
        return Reply(known, outcome, [], [], [], max(0, people - 1))
    most = _MOST_RESERVED if visit.reserve else MOST_HELD
    people = max(1, people)
    # Where everybody can have all that a hand holds, it does not matter how many more there are.
    enough = people * max(most, len(visit.hold))
    share = max(_LEAST_SHARE, -(-counted.open_cards(connection, run, enough) // people))
    keep = len(visit.hold) if visit.reserve else share
    leases.release(connection, run, client, visit.hold[keep:])
    hands = leases.renew(connection, run, client, visit.hold[:keep], now_ms, until)
    # Cards that an earlier reply gave away, but that never arrived, are given again.
    mine = hands.unnamed
    missing = max(0, min(visit.want, most, share) - len(hands.held) - len(mine))
    ahead = _AHEAD if mine or missing else 0
    free = leases.unheld(connection, run, missing + ahead, now_ms, visit.author, others)
    leases.claim(connection, run, client, free[:missing], until)
    mine = mine + free[:missing]
    coming = [card.item for card in free[missing:]] if mine else []
    if known.show_scores:
        mine = leases.with_scores(connection, run, mine)
    return Reply(known, outcome, hands.held, mine, coming, people - 1)


def _record(connection: Connection, run: str, last: int, visit: Visit, now_ms: int, until_ms: int) -> Outcome:
    if not visit.entries:
        return Outcome()
    # A page numbers upwards and sends in order: whatever is not above the newest number has been dealt with.
    newest = events.newest_of_client(connection, run, visit.author.client)
    done = {entry.sequence for entry in visit.entries if entry.sequence is not None and entry.sequence <= newest}
    appender = events.Appender(connection, run, visit.author, now_ms, until_ms, last=last)
    return appender.append(visit.entries, done)
