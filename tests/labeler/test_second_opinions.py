"""Second opinions: cards for somebody who has not answered the image."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.model import Answer, Offered
from services.labeler.store.database import Database
from tests.labeler.kit import Person, log_of, offer


def offer_again(desk: Desk, *items: int, number: int = 2, replace: bool = False) -> int:
    cards = [Offered(item, "second opinion", 0.5, second=True) for item in items]
    return desk.offer("r1", number, cards, replace).result()


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


def test_a_store_of_the_first_version_is_migrated(tmp_path: Path, store: ArtifactStore) -> None:
    file = tmp_path / "old.sqlite"
    Database(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as old:
        old.execute("DROP INDEX events_of_item")
        old.execute("DROP INDEX cards_of_second")
        old.execute("ALTER TABLE cards DROP COLUMN second")
        old.execute("ALTER TABLE runs DROP COLUMN definition")
        old.execute("ALTER TABLE runs DROP COLUMN continuous")
        old.execute("INSERT INTO runs VALUES ('r1', 'Old', 'A plane?', 10, 'c', 'd', 1, 1, NULL, 0)")
        old.execute("UPDATE about SET version = 1")
    Database(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as new:
        assert new.execute("SELECT version FROM about").fetchone() == (3,)
        assert "second" in [row[1] for row in new.execute("PRAGMA table_info(cards)")]
        assert new.execute("SELECT name, definition, continuous FROM runs").fetchall() == [("Old", "", 0)]
        assert new.execute("SELECT name FROM sqlite_master WHERE name = 'events_of_item'").fetchone()


@pytest.mark.parametrize("name", ["", "x" * 80])
def test_names_of_any_length_are_told_apart(desk: Desk, name: str) -> None:
    ann = answered(desk, name, 3)
    Person(desk, f"{name[:79]}b").visit()
    offer_again(desk, 3)
    assert ann.take(1) == []
