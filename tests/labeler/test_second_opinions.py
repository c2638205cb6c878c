"""Second opinions: cards for somebody who has not answered the image."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import inspect, text

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.model import Answer, Offered
from services.labeler.store import schema
from services.labeler.store.database import Database
from tests.labeler.kit import Person, log_of, offer, open_desk, to_run


def offer_again(desk: Desk, *items: int, number: int = 2, others_give_way: bool = False) -> int:
    cards = [Offered(item, "second opinion", 0.5, second=True) for item in items]
    return desk.offer("r1", number, cards, others_give_way).result()


def answered(desk: Desk, name: str, *items: int) -> Person:
    offer(desk, items)
    person = Person(desk, name)
    person.take(len(items))
    for item in items:
        person.say(item)
    return person


def test_somebody_else_gets_the_card(desk: Desk) -> None:
    ann = answered(desk, "Ann", 3)
    bob = Person(desk, "Bob")
    bob.visit()
    offer_again(desk, 3)
    assert ann.take(5) == []
    assert bob.take(5) == [3]
    bob.say(3, Answer.NEGATIVE, 2)
    assert log_of(desk) == [(3, "positive", "Ann"), (3, "negative", "Bob")]
    assert not any(event.late for event in desk.events("r1", 0, 0)[0])


def test_a_person_alone_is_asked_again(desk: Desk) -> None:
    ann = answered(desk, "Ann", 3)
    offer_again(desk, 3)
    assert ann.take(5) == [3]


def test_where_everybody_has_answered_anybody_is_asked(desk: Desk) -> None:
    ann = answered(desk, "Ann", 3)
    bob = Person(desk, "Bob")
    bob.visit()
    offer_again(desk, 3)
    bob.take(1)
    bob.say(3, Answer.NEGATIVE, 2)
    offer_again(desk, 3, number=3)
    assert ann.take(1) == [3]


def test_another_tab_of_the_same_person_is_the_same_person(desk: Desk) -> None:
    answered(desk, "Ann", 3)
    Person(desk, "Bob").visit()
    offer_again(desk, 3)
    tab = Person(desk, "Ann")
    tab.author = type(tab.author)(client="another00000", annotator="Ann")
    assert tab.take(5) == []


def test_an_undo_of_the_first_answer_leaves_the_second_opinion_open(desk: Desk) -> None:
    ann = answered(desk, "Ann", 3)
    bob = Person(desk, "Bob")
    bob.visit()
    offer_again(desk, 3)
    assert bob.take(1) == [3]
    ann.say(3, Answer.RETRACTED)
    ann.say(3, Answer.NEGATIVE)
    bob.say(3, Answer.POSITIVE, 2)
    events = desk.events("r1", 0, 0)[0]
    assert [(event.annotator, event.answer.value, event.round, event.late) for event in events] == [
        ("Ann", "positive", 1, False),
        ("Ann", "retracted", 1, False),
        ("Ann", "negative", 1, False),
        ("Bob", "positive", 2, False),
    ]


def test_a_better_ranking_keeps_second_opinions_on_answered_images(desk: Desk) -> None:
    answered(desk, "Ann", 3)
    desk.offer("r1", 2, [Offered(3, "second opinion", second=True), Offered(4)], True).result()
    assert desk.queue("r1", 2).open == 2
    desk.offer("r1", 3, [Offered(3, "exploit"), Offered(4)], True).result()
    assert desk.queue("r1", 3).open == 1  # what has an answer is asked about again only on purpose


def test_simulated_second_opinions_err_by_themselves(desk: Desk) -> None:
    items = range(20)
    offer(desk, items)
    desk.simulate("r1", 1, "image", error=0.4, seed=1).result()
    offer_again(desk, *items)
    desk.simulate("r1", 2, "image", error=0.4, seed=1).result()
    log = log_of(desk)
    first = {item: answer for item, answer, name in log if name == "simulated"}
    second = {item: answer for item, answer, name in log if name == "simulated second"}
    assert first.keys() == second.keys() == set(items)
    assert first != second


_OLDER = {
    3: ("ALTER TABLE runs DROP COLUMN show_scores", "ALTER TABLE events DROP COLUMN scores_shown"),
    2: ("ALTER TABLE runs DROP COLUMN definition", "ALTER TABLE runs DROP COLUMN continuous"),
    1: ("DROP INDEX events_of_item", "DROP INDEX cards_of_second", "ALTER TABLE cards DROP COLUMN second"),
}  # version -> what leads back to it from the next one


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_store_of_an_older_version_is_migrated(
    url: str, store: ArtifactStore, hundred: Artifact, version: int
) -> None:
    desk = open_desk(url, store)
    desk.open_run(to_run(hundred)).result()
    desk.offer("r1", 1, [Offered(item) for item in range(4)]).result()
    ann = Person(desk, "Ann")
    ann.take(2)
    desk.close()
    database = Database(url)
    with database.engine.begin() as old:
        old.execute(text("DROP INDEX cards_by_lease"))  # version 3 came without it at first
        for back in range(schema.VERSION - 1, version - 1, -1):
            for statement in _OLDER[back]:
                old.execute(text(statement))
        old.execute(text(f"UPDATE about SET version = {version}"))
    database.close()
    desk = open_desk(url, store)
    try:
        run = desk.run("r1")
        assert (run.question, run.definition, run.continuous) == ("Is there a plane?", "", False)
        desk.open_run(replace(to_run(hundred), definition="Wings.", continuous=True, show_scores=True)).result()
        run = desk.run("r1")
        assert (run.definition, run.continuous, run.show_scores) == ("Wings.", True, True)
        assert desk.queue("r1", 1).open == 4
        desk.offer("r1", 2, [Offered(9, second=True)]).result()
        assert len(Person(desk, "Bob").take(5)) > 0
        with desk._database.engine.connect() as connection:
            assert "cards_by_lease" in {index["name"] for index in inspect(connection).get_indexes("cards")}
    finally:
        desk.close()


@pytest.mark.parametrize("name", ["", "x" * 80])
def test_names_of_any_length_are_told_apart(desk: Desk, name: str) -> None:
    ann = answered(desk, name, 3)
    Person(desk, f"{name[:79]}b").visit()
    offer_again(desk, 3)
    assert ann.take(1) == []
