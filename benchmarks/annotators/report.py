"""What came of it, in figures."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.annotators.stage import Course
from protos import labeler_pb2 as pb

_WORDS = {pb.ANSWER_POSITIVE: "positive", pb.ANSWER_NEGATIVE: "negative"}


def report(course: Course, log: Sequence[Any]) -> str:
    """Lines with each figure and its bar."""
    recorded = Counter((event.annotator, event.item, _WORDS.get(event.answer, "")) for event in log)
    acknowledged = [(person.name, *said) for person in course.people for said in person.acknowledged.values()]
    lost = sum(recorded[said] == 0 for said in acknowledged)
    twice = sum(times > 1 for times in recorded.values())
    votes: dict[int, set[str]] = defaultdict(set)
    for event in log:
        if not event.late:
            votes[event.item].add(event.annotator)
    doubled = sum(len(names) > 1 for names in votes.values())
    outages = outages_of(course)
    calm = [done - sent for sent, done in course.heard.acks if not _within(sent, done, outages)]
    pictures = [done - asked for asked, done in course.heard.images if not _within(asked, done, outages)]
    rate = len(acknowledged) / course.seconds
    longest = max((back - killed for killed, back in outages), default=0.0)
    lease = "not within two leases" if course.lease_s is None else f"{course.lease_s:.1f} s"
    waiting = sum(len(person.outbox) for person in course.people)
    return "\n".join(
        [
            f"{len(course.people)} annotators, {course.seconds:.0f} s, {len(course.kills)} kills, {os.cpu_count()} cores,"
            f" load {os.getloadavg()[1]:.1f}",
            f"answers acknowledged: {len(acknowledged)}, {rate:.0f} a second (bar 200); refused {course.heard.refused},"
            f" never acknowledged {waiting}",
            f"acknowledged answers lost: {lost} (bar 0)",
            f"doubled: {doubled} items with two votes and neither late, {twice} answers recorded twice (bar 0)",
            f"outages: longest {longest:.1f} s, median {_median([b - k for k, b in outages]):.1f} s (bar 5)",
            f"acknowledgement outside outages: {_spread(calm)} (bar p95 50 ms)",
            f"image outside outages: {_spread(pictures)}",
            f"cards of {course.left} silent hands with somebody else after {lease} (bar 60)",
        ]
    )


def outages_of(course: Course) -> list[tuple[float, float]]:
    """From each kill to the first exchange that succeeded, having begun after it."""
    successes = np.sort(np.array([done for sent, done in course.heard.acks]))
    begun = sorted(course.heard.acks)
    found = []
    for killed in course.kills:
        later = [done for sent, done in begun if sent > killed]
        found.append((killed, min(later) if later else float(successes[-1])))
    return found


def _within(start: float, end: float, outages: Sequence[tuple[float, float]]) -> bool:
    return any(start <= back and end >= killed for killed, back in outages)


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    middle, most = np.percentile(np.array(seconds) * 1000, [50, 95])
    return f"median {middle:.0f} ms, p95 {most:.0f} ms of {len(seconds)}"


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else 0.0
