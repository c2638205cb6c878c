"""The label store: appended to, idempotent, and what undoing means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from protos.common_pb2 import Artifact
from protos.errors import ConflictError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.model import Answer, Entry
from services.labeler.store import schema
from tests.labeler.kit import Person, log_of, offer, publish_names, to_run


def test_an_answer_is_an_event_with_its_card(desk: Desk) -> None:
    offer(desk, [7, 3])
    ann = Person(desk, "Ann")
    ann.take(2)
    ann.say(3, Answer.UNSURE)
    (event,), last = desk.events("r1", 0, 0)
    assert (event.position, event.item, event.answer, event.round) == (1, 3, Answer.UNSURE, 1)
    assert (event.annotator, event.reason, event.late, last) == ("Ann", "uncertainty", False, 1)


def test_positions_have_no_gaps_and_pages_follow_each_other(desk: Desk) -> None:
    offer(desk, range(25))
    ann = Person(desk, "Ann")
    ann.take(25)
    ann.visit(*(ann.entry(item, Answer.NEGATIVE) for item in range(25)))
    assert [event.position for event in desk.events("r1", 0, 0)[0]] == list(range(1, 26))
    page, last = desk.events("r1", 20, 3)
    assert [event.position for event in page] == [21, 22, 23]
    assert last == 25
    assert desk.events("r1", 2**64 - 1, 10) == ([], 25)


def test_events_can_be_neither_changed_nor_removed(url: str, desks: Callable[..., Desk]) -> None:
    desk = desks(url)
    offer(desk, [1])
    Person(desk, "Ann").say(1)
    for change in (update(schema.events).values(answer="negative"), delete(schema.events)):
        with pytest.raises(DBAPIError, match="only appended"), desk._database.engine.begin() as connection:
            connection.execute(change)
    assert log_of(desk) == [(1, "positive", "Ann")]


def test_an_answer_sent_again_counts_once(desk: Desk) -> None:
    offer(desk, [1, 2])
    ann = Person(desk, "Ann")
    ann.take(2)
    first, second = ann.entry(1, Answer.POSITIVE), ann.entry(2, Answer.NEGATIVE)
    assert ann.visit(first).outcome.saved == [1]
    assert ann.visit(first, second).outcome.saved == [1, 2]
    assert ann.visit(first, second).outcome.saved == [1, 2]
    assert log_of(desk) == [(1, "positive", "Ann"), (2, "negative", "Ann")]


def test_an_undo_that_found_nothing_does_nothing_when_it_comes_again(desk: Desk) -> None:
    """A reply is lost, and meanwhile the image has been answered: the repeated undo must not take that answer back."""
    offer(desk, [1])
    ann = Person(desk, "Ann")
    ann.take(1)
    undo, answer = ann.entry(1, Answer.RETRACTED), ann.entry(1, Answer.POSITIVE)
    assert ann.visit(undo, answer).outcome.standing == [1]
    ann.visit(undo, answer)
    assert log_of(desk) == [(1, "positive", "Ann")]


def test_an_answer_about_an_image_never_offered_is_refused_and_the_others_are_kept(desk: Desk) -> None:
    offer(desk, [1])
    ann = Person(desk, "Ann")
    outcome = ann.visit(ann.entry(55, Answer.POSITIVE), ann.entry(1, Answer.POSITIVE)).outcome
    assert outcome.saved == [2]
    assert "image 55 was never on offer" in outcome.refused[1]
    assert log_of(desk) == [(1, "positive", "Ann")]


def test_undo_opens_the_card_again_for_the_one_who_took_it_back(desk: Desk) -> None:
    offer(desk, [1])
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    ann.take(1)
    ann.say(1, Answer.NEGATIVE)
    assert desk.queue("r1", 1).open == 0
    ann.say(1, Answer.RETRACTED)
    queue = desk.queue("r1", 1)
    assert (queue.open, queue.held, queue.negative, queue.last) == (1, 1, 0, 2)
    assert bob.take(1) == []
    ann.say(1, Answer.POSITIVE)
    assert [answer for _, answer, _ in log_of(desk)] == ["negative", "retracted", "positive"]
    assert desk.queue("r1", 1).positive == 1


def test_an_undo_after_the_round_is_over_is_in_the_log_all_the_same(desk: Desk) -> None:
    """The loop has read the log up to the last answer, and has gone on; it finds the change of mind when it reads on."""
    offer(desk, [1], number=1)
    ann = Person(desk, "Ann")
    ann.take(1)
    ann.say(1, Answer.POSITIVE)
    read_up_to = desk.queue("r1", 1).last
    offer(desk, [2, 3], number=2)
    ann.say(1, Answer.RETRACTED, number=1)
    later, _ = desk.events("r1", read_up_to, 0)
    assert [(event.item, event.answer, event.round) for event in later] == [(1, Answer.RETRACTED, 1)]
    assert desk.queue("r1", 2).open == 2
    ann.say(1, Answer.NEGATIVE, number=1)
    assert [event.answer for event in desk.events("r1", read_up_to, 0)[0]] == [Answer.RETRACTED, Answer.NEGATIVE]


def test_an_undo_of_an_image_that_a_later_round_asks_for_again_leaves_one_open_card(desk: Desk) -> None:
    offer(desk, [1], number=1)
    ann = Person(desk, "Ann")
    ann.take(1)
    ann.say(1, Answer.POSITIVE)
    offer(desk, [1], number=2)
    ann.say(1, Answer.RETRACTED, number=1)
    assert log_of(desk)[-1] == (1, "retracted", "Ann")
    assert (desk.queue("r1", 1).open, desk.queue("r1", 2).open) == (0, 1)


def test_an_undo_leaves_the_answer_that_somebody_gave_since(desks: Callable[..., Desk], url: str) -> None:
    desk = desks(url)
    offer(desk, [1])
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    ann.take(1)
    ann.say(1, Answer.POSITIVE)
    bob.say(1, Answer.NEGATIVE)
    assert ann.say(1, Answer.RETRACTED).outcome.standing == [2]
    assert log_of(desk)[-1] == (1, "negative", "Bob")


def test_late_answers_are_kept_and_marked(desk: Desk) -> None:
    offer(desk, [1, 2])
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    ann.take(1)
    bob.say(1, Answer.NEGATIVE)  # in Ann's hands
    ann.say(1, Answer.POSITIVE)  # answered by Bob meanwhile
    desk.withdraw("r1", 1).result()
    ann.say(2, Answer.UNSURE)  # taken back
    events, _ = desk.events("r1", 0, 0)
    assert [(event.item, event.late) for event in events] == [(1, True), (1, True), (2, True)]
    assert desk.queue("r1", 1).unsure == 1


def test_a_run_keeps_its_catalog_unless_it_grows(
    desk: Desk, store: ArtifactStore, hundred: Artifact, tmp_path: Path
) -> None:
    names = [f"planes/{n:03}_{'plane' if n % 5 == 0 else 'ship'}.png" for n in range(120)]
    desk.open_run(to_run(publish_names(store, tmp_path / "data", names), question="Still?")).result()
    assert desk.catalog("r1").rows == 120
    for wrong in (["other.png"] * 1, [f"other{n:03}.png" for n in range(130)]):
        with pytest.raises(ConflictError, match="another catalog"):
            desk.open_run(to_run(publish_names(store, tmp_path / "data", wrong))).result()
    assert desk.run("r1").question == "Still?"


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a b", "<b>", "x" * 101, "é"])
def test_names_of_runs_can_stand_in_an_address(desk: Desk, hundred: Artifact, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is no name of a run"):
        desk.open_run(to_run(hundred, run=name))


def test_texts_are_cleaned(desk: Desk, hundred: Artifact) -> None:
    desk.open_run(to_run(hundred, question="Is it\x00 a\u202e plane?\n")).result()
    assert desk.run("r1").question == "Is it\ufffd a\ufffd plane?"


def test_entries_without_numbers_are_numbered_by_the_log(desk: Desk) -> None:
    offer(desk, [1])
    person = Person(desk, "Ann")
    reply = person.visit(Entry(1, 1, Answer.POSITIVE))
    assert reply.outcome.added == 1
