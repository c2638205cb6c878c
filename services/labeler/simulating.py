"""Answers of nobody: what a simulated annotator says about the cards on offer, now and then wrongly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sqlalchemy import Connection

from services.labeler.model import Author, Entry
from services.labeler.store import cards, events

SIMULATED = ("simulated", "simulated second", "simulated third")  # annotators; who has not answered an item is next
_LOTS = 2**64


def is_wrong(item: int, error: float, seed: int, vote: str = "") -> bool:
    """Whether a simulated answer errs: so for a share ``error`` of the items, the same ones for a seed every time.

    Args:
        vote: which vote on the item it is; another one errs by another lot.
    """
    lot = hashlib.sha256(f"{seed}:{item}{vote}".encode()).digest()[:8]
    return int.from_bytes(lot, "big") < error * _LOTS


def answer_open(
    connection: Connection, run: str, number: int, said: Callable[[int, bool], Entry], limit: int, now_ms: int
) -> int:
    """Answers the open cards of a round, each as somebody who has not answered it; how many answers are new.

    Args:
        said: the answer about an item, and whether it is a second opinion.
        limit: answers of the round at most, best cards first, those of earlier calls included; 0: all.
    """
    open_items = cards.open_items(connection, run, number)
    if limit:
        open_items = open_items[: max(0, limit - cards.count_answered(connection, run, number))]
    added = 0
    voters = events.count_annotators(connection, run, [item for item, second in open_items if second])
    for place, annotator in enumerate(SIMULATED):
        author = Author(client=f"{annotator}:{number}", annotator=annotator)
        last = len(SIMULATED) - 1
        entries = [said(item, second) for item, second in open_items if min(voters.get(item, 0), last) == place]
        added += events.Appender(connection, run, author, now_ms, 0).append(entries, set()).added
    return added
