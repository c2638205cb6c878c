"""Several people at once: no image twice, nobody without work while there is some."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import event, select

from protos.common_pb2 import Artifact
from protos.errors import NotFoundError
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk, now_ms
from services.labeler.model import Answer, Visit
from services.labeler.store.schema import cards
from tests.labeler.kit import Person, log_of, offer, open_desk, to_run, wait_for
from tests.support.postgres import postgres_url


def test_hands_are_filled_in_the_order_of_the_offer(desk: Desk) -> None:
    offer(desk, [9, 2, 7, 4])
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    assert ann.take(3) == [9, 2, 7]
    assert bob.take(3) == [4]
    assert ann.take(3) == []  # three in hand already
    assert ann.take(5) == []  # nothing is left


def test_the_oldest_round_comes_first(desk: Desk) -> None:
    offer(desk, [5], number=2)
    offer(desk, [8], number=1)
    assert Person(desk, "Ann").take(2) == [8, 5]


def test_a_reply_that_was_lost_is_given_again(desk: Desk) -> None:
    offer(desk, range(10))
    ann = Person(desk, "Ann")
    first = ann.take(4)
    ann.hold = []  # the reply never arrived
    assert ann.take(4) == first
    assert desk.queue("r1", 1).held == 4


def test_a_page_that_closes_gives_its_cards_back(desk: Desk) -> None:
    offer(desk, range(5))
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    ann.take(5)
    assert bob.take(5) == []
    ann.visit(leave=True)
    assert bob.take(5) == [0, 1, 2, 3, 4]


def test_silence_gives_cards_back_and_signs_of_life_keep_them(desks: Callable[..., Desk], url: str) -> None:
    desk = desks(url, lease_s=1)
    offer(desk, range(4))
    ann, bob, cat = Person(desk, "Ann"), Person(desk, "Bob"), Person(desk, "Cat")
    assert (ann.take(2), bob.take(2)) == ([0, 1], [2, 3])
    end = time.monotonic() + 1.4
    while time.monotonic() < end:  # Bob is there, Ann is not
        bob.visit()
        time.sleep(0.2)
    assert cat.take(4) == [0, 1]
    assert ann.visit().held == []  # and Ann is told
    assert bob.visit().held == [2, 3]


def test_a_lease_that_ran_out_goes_on_while_nobody_else_took_the_card(
    desks: Callable[..., Desk], sqlite_url: str
) -> None:
    desk = desks(sqlite_url, lease_s=1)
    offer(desk, [0])
    ann = Person(desk, "Ann")
    ann.take(1)
    wait_for(lambda: desk.queue("r1", 1).held == 0)
    reply = ann.say(0)
    assert reply.outcome.saved == [1]
    assert not desk.events("r1", 0, 0)[0][0].late


def test_withdrawn_cards_leave_all_hands(desk: Desk) -> None:
    offer(desk, range(3))
    ann = Person(desk, "Ann")
    ann.take(2)
    assert desk.withdraw("r1", 1).result() == 3
    assert desk.withdraw("r1", 1).result() == 0
    assert ann.visit(want=3).held == []
    assert desk.queue("r1", 1).withdrawn == 3


def test_an_image_that_a_new_round_asks_for_stays_in_the_same_hands(desk: Desk) -> None:
    offer(desk, [1, 2], number=1)
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    ann.take(1)
    offer(desk, [1, 2], number=2)
    assert bob.take(5) == [2]
    assert (desk.queue("r1", 1).withdrawn, desk.queue("r1", 2).open) == (2, 2)
    ann.say(1, number=1)  # the page still says round 1
    assert [(event.item, event.round, event.late) for event in desk.events("r1", 0, 0)[0]] == [(1, 2, False)]


@pytest.mark.parametrize("people", [6])
def test_a_crowd_never_sees_an_image_twice_and_nobody_starves(desk: Desk, people: int) -> None:
    offer(desk, range(100))
    seen: list[int] = []
    empty_handed: list[str] = []
    lock = threading.Lock()

    def label(person: Person) -> None:
        misses = 0
        while True:
            person.visit(want=4)
            if not person.hold:
                queue = desk.queue("r1", 1)
                if queue.open > queue.held and misses < 20:  # somebody has given some back since
                    misses += 1
                    time.sleep(0.01)
                    continue
                if queue.open > queue.held:
                    empty_handed.append(person.author.annotator)
                return
            with lock:  # what the page shows; the rest of a hand may go to somebody who has nothing
                seen.append(person.hold[0])
            person.say(person.hold[0], Answer.NEGATIVE)

    threads = [threading.Thread(target=label, args=(Person(desk, f"P{n}"),)) for n in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(seen) == Counter(range(100))
    assert empty_handed == []
    assert sorted(item for item, _, _ in log_of(desk)) == list(range(100))


def test_a_fast_person_is_not_kept_waiting_by_slow_ones(desk: Desk) -> None:
    offer(desk, range(60))
    for name in ("Slow1", "Slow2"):
        Person(desk, name).take(12)
    fast = Person(desk, "Fast")
    done = 0
    while fast.visit(want=12).held or fast.hold:
        fast.say(fast.hold[0])
        done += 1
    assert done == 60 - 24


def test_whoever_comes_late_gets_a_share_of_the_last_cards(desk: Desk) -> None:
    offer(desk, range(12))
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    assert len(ann.take(12)) == 12
    assert bob.take(12) == []
    assert ann.visit(want=12).held == [0, 1, 2, 3, 4, 5]  # the last of her pile go back
    assert bob.take(12) == [6, 7, 8, 9, 10, 11]
    assert ann.visit(want=12).held == [0, 1, 2, 3, 4, 5]
    bob.visit(leave=True)
    assert len(ann.visit(want=12).cards) == 6


def test_two_labelers_on_one_postgres_agree(
    postgres: str, store: ArtifactStore, hundred: Artifact, request: pytest.FixtureRequest
) -> None:
    url = postgres_url(postgres)
    desks = [open_desk(url, store), open_desk(url, store)]
    for run in ("r1", "r2"):
        desks[0].open_run(to_run(hundred, run=run)).result()
        offer(desks[0], range(100), run=run)
    errors: list[Exception] = []

    def label(person: Person) -> None:
        try:
            while person.visit(want=3).held or person.hold:
                person.say(person.hold[0])
        except Exception as error:
            errors.append(error)

    people = [Person(desks[n % 2], f"P{n}", run=f"r{1 + n // 2 % 2}") for n in range(8)]
    threads = [threading.Thread(target=label, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for run in ("r1", "r2"):
        events, last = desks[1].events(run, 0, 0)
        assert sorted(event.item for event in events) == list(range(100))
        assert last == 100
    for desk in desks:
        desk.close()


def test_many_who_wait_share_a_commit(desks: Callable[..., Desk], sqlite_url: str) -> None:
    """Group commit: a hundred answers at once take a handful of transactions."""
    desk = desks(sqlite_url)
    offer(desk, range(100))
    commits: list[int] = []
    event.listen(desk._database.engine, "commit", lambda _: commits.append(1))
    person = Person(desk, "Ann")
    futures = [desk.visit("r1", Visit(person.author, (person.entry(item, Answer.POSITIVE),))) for item in range(100)]
    for future in futures:
        future.result()
    assert desk.queue("r1", 1).last == 100
    assert len(commits) < 50


def test_what_is_reserved_stays_for_an_hour_while_others_come(desk: Desk) -> None:
    offer(desk, range(60))
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    visit = Visit(ann.author, (), (), 200, reserve=True)
    reply = desk.visit("r1", visit).result()
    assert len(reply.cards) == 60
    assert reply.others == 0
    assert bob.take(10) == []
    hold = tuple(card.item for card in reply.cards)
    again = desk.visit("r1", Visit(ann.author, (), hold, 200, reserve=True)).result()
    assert again.held == list(hold)  # nothing is shared out of what was taken along
    assert again.others == 1
    with desk._database.engine.connect() as connection:
        (until,) = set(connection.scalars(select(cards.c.held_until_ms)))
    assert until - now_ms() > 3_500_000


def test_what_is_reserved_outlives_ten_minutes_of_silence_and_no_more_than_an_hour(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(desk, range(40))
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    reply = desk.visit("r1", Visit(ann.author, (), (), 200, reserve=True)).result()
    assert len(reply.cards) == 40
    start = now_ms()
    monkeypatch.setattr("services.labeler.desk.now_ms", lambda: start + 10 * 60_000)
    assert bob.take(10) == []
    for item in range(20):
        assert ann.say(item).outcome.standing == []
    assert not any(event.late for event in desk.events("r1", 0, 0)[0])
    monkeypatch.setattr("services.labeler.desk.now_ms", lambda: start + 61 * 60_000)
    assert bob.take(10) == list(range(20, 30))


def test_runs_that_there_are_not_are_not_remembered(desk: Desk) -> None:
    """Else anybody with a page could fill the memory with names."""
    for number in range(50):
        with pytest.raises(NotFoundError, match="the labeler knows no run 'made-up"):
            Person(desk, "Ann", run=f"made-up-{number}").visit()
    offer(desk, [0])
    Person(desk, "Ann").visit()
    assert list(desk._people._runs) == ["r1"]
