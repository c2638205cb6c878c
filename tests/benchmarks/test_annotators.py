"""The measurement with a hundred annotators, small: that it runs, and that it would see what it is there to see."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.annotators.person import Heard, Person
from benchmarks.annotators.report import outages_of, report
from benchmarks.annotators.stage import Course, Stage
from protos import labeler_pb2 as pb


def _person(name: str, *said: tuple[int, str]) -> Person:
    person = Person(None, "bench", 0, 1.0, Heard())  # type: ignore[arg-type]
    person.name = name
    person.acknowledged = dict(enumerate(said))
    return person


def _event(annotator: str, item: int, answer: int, late: bool = False) -> pb.LabelEvent:
    return pb.LabelEvent(annotator=annotator, item=item, answer=answer, late=late)


def test_lost_and_doubled_answers_are_seen() -> None:
    people = [_person("ann", (1, "positive"), (2, "negative")), _person("bob", (3, "negative"))]
    log = [
        _event("ann", 1, pb.ANSWER_POSITIVE),
        _event("ann", 2, pb.ANSWER_POSITIVE),  # she said no
        _event("bob", 3, pb.ANSWER_NEGATIVE),
        _event("bob", 3, pb.ANSWER_NEGATIVE),
        _event("bob", 1, pb.ANSWER_POSITIVE),
        _event("bob", 2, pb.ANSWER_POSITIVE, late=True),  # told apart, so no harm
    ]
    told = report(Course(Heard(), people, [], 10.0, 0, 0.0), log)
    assert "answers lost: 1 (bar 0)" in told
    assert "doubled: 1 items with two votes and neither late, 1 answers recorded twice" in told


def test_an_outage_lasts_until_an_exchange_that_has_begun_after_it_succeeds() -> None:
    heard = Heard(acks=[(1.0, 1.1), (4.9, 5.2), (5.5, 9.0), (7.0, 7.1)])
    assert outages_of(Course(heard, [], [5.0], 10.0, 0, None)) == [(5.0, 7.1)]


@pytest.mark.long
def test_a_labeler_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 300)
    try:
        course = asyncio.run(stage.play(annotators=4, rate=8, seconds=12, every=6))
        told = report(course, stage.log())
    finally:
        stage.close()
    assert len(course.kills) == 1
    assert sum(len(person.acknowledged) for person in course.people) >= 10, told
    assert "lost: 0 " in told
    assert "doubled: 0 items" in told
    assert "never acknowledged 0" in told
