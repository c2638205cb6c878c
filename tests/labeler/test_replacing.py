"""A better ranking takes the place of the cards that nobody holds; simulated answers in portions, some of them wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from protos.errors import InvalidInputError
from services.labeler.desk import Desk
from services.labeler.model import CHOSEN, PREVALENCE, Answer, Offered
from services.labeler.simulating import is_wrong
from tests.labeler.kit import Person, log_of, offer


def replace(desk: Desk, items: Sequence[int], number: int) -> int:
    return desk.offer("r1", number, [Offered(item, "exploit", 0.9) for item in items], replace_others=True).result()


def test_cards_that_nobody_holds_give_way(desk: Desk) -> None:
    offer(desk, range(10))
    ann = Person(desk, "Ann")
    assert ann.take(2) == [0, 1]
    assert replace(desk, [30, 5, 31], number=2) == 3
    assert ann.visit().held == [0, 1]  # what is in hand stays in hand
    assert Person(desk, "Bob").take(9) == [30, 5, 31]
    everything = desk.queue("r1", None)
    assert (everything.open, everything.held, everything.withdrawn) == (5, 5, 8)


def test_cards_that_a_person_has_chosen_stay(desk: Desk) -> None:
    offer(desk, range(3))
    desk.offer("r1", 1, [Offered(item, CHOSEN) for item in (60, 61)]).result()
    assert replace(desk, [30, 61], number=2) == 2
    assert Person(desk, "Ann").take(9) == [60, 30, 61]
    assert desk.queue("r1", None).open == 3


def test_a_card_in_hand_is_not_offered_to_anybody_else(desk: Desk) -> None:
    offer(desk, range(4))
    ann, bob = Person(desk, "Ann"), Person(desk, "Bob")
    assert ann.take(2) == [0, 1]
    replace(desk, [1, 0, 50], number=2)
    assert bob.take(9) == [50]
    ann.say(0)  # of the first round, as her page knows it
    ann.say(1)
    assert [(item, answer) for item, answer, _ in log_of(desk)] == [(0, "positive"), (1, "positive")]
    assert desk.queue("r1", None).open == 1


def test_what_was_answered_meanwhile_is_not_asked_again(desk: Desk) -> None:
    offer(desk, range(4))
    ann = Person(desk, "Ann")
    ann.take(1)
    ann.say(0)
    assert replace(desk, [0, 7], number=2) == 1
    assert Person(desk, "Bob").take(9) == [7]


def test_the_same_offer_twice_changes_nothing(desk: Desk) -> None:
    offer(desk, range(3))
    assert replace(desk, [8, 9], number=2) == 2
    assert replace(desk, [8, 9], number=2) == 0
    assert Person(desk, "Ann").take(5) == [8, 9]


def test_an_empty_offer_takes_back_what_nobody_holds(desk: Desk) -> None:
    offer(desk, range(6))
    ann = Person(desk, "Ann")
    ann.take(2)
    replace(desk, [], number=3)
    assert desk.queue("r1", None).open == 2
    assert Person(desk, "Bob").take(3) == []


def test_a_lease_that_ran_out_is_no_longer_a_hand(desks: Callable[..., Desk], url: str) -> None:
    desk = desks(url, lease_s=0.001)
    offer(desk, range(3))
    Person(desk, "Ann").take(3)
    replace(desk, [9], number=2)
    assert desk.queue("r1", None).open == 1


def test_simulated_answers_come_best_first_and_in_portions(desk: Desk) -> None:
    offer(desk, [5, 3, 8, 1])
    assert desk.simulate("r1", 1, "plane", limit=3).result() == 3
    assert desk.simulate("r1", 1, "plane", limit=3).result() == 0  # said again after a crash
    assert [item for item, _, _ in log_of(desk)] == [5, 3, 8]
    assert desk.simulate("r1", 1, "plane").result() == 1


def test_simulated_errors_are_the_same_each_time_and_as_many_as_wanted(desk: Desk) -> None:
    offer(desk, range(100))
    desk.simulate("r1", 1, "plane", error=0.2, seed=7).result()
    wrong = {item for item, answer, _ in log_of(desk) if (answer == Answer.POSITIVE.value) != (item % 5 == 0)}
    assert wrong == {item for item in range(100) if is_wrong(item, 0.2, 7)}
    assert 8 <= len(wrong) <= 35
    assert wrong != {item for item in range(100) if is_wrong(item, 0.2, 8)}


def test_a_share_of_errors_that_is_none_is_refused(desk: Desk) -> None:
    offer(desk, [1])
    with pytest.raises(InvalidInputError, match=r"a share of 1\.5 wrong answers"):
        desk.simulate("r1", 1, "plane", error=1.5).result()


def draw(desk: Desk, items: Sequence[int], number: int = 0) -> int:
    return desk.offer("r1", number, [Offered(item, PREVALENCE) for item in items]).result()


def test_what_was_drawn_by_lot_gives_way_and_may_be_asked_about_in_the_same_round(desk: Desk) -> None:
    draw(desk, [7, 3, 9, 5])
    ann = Person(desk, "Ann")
    assert ann.take(2) == [7, 3]
    ann.say(7, number=0)
    assert replace(desk, [30, 9, 3, 7], number=0) == 3  # 3 stays in its hand, 7 has an answer
    assert ann.visit().held == [3]
    bob = Person(desk, "Bob")
    assert bob.take(9) == [30, 9]
    assert replace(desk, [30, 9, 3, 7], number=0) == 0  # said again after a crash
    for item in (30, 9):
        bob.say(item, number=0)
    events = desk.events("r1", 0, 0)[0]
    assert [(event.item, event.round, event.reason) for event in events] == [
        (7, 0, PREVALENCE),
        (30, 0, "exploit"),
        (9, 0, "exploit"),
    ]
    assert desk.queue("r1", 0).open == 1
    ann.visit(leave=True)
    assert desk.withdraw("r1", 0, PREVALENCE).result() == 0
    assert bob.take(9) == [3], "what was asked for is not lost with the draw"


def test_a_draw_that_was_finished_early_does_not_come_back_with_the_next_offer_of_it(desk: Desk) -> None:
    draw(desk, [7, 3])
    desk.withdraw("r1", 0).result()
    assert draw(desk, [7, 3]) == 0
    assert desk.queue("r1", 0).open == 0


def test_cards_of_a_reason_that_nobody_holds_are_taken_back(desk: Desk) -> None:
    draw(desk, [7, 3, 9])
    offer(desk, [20, 21], number=0)
    draw(desk, [40], number=1)
    ann = Person(desk, "Ann")
    assert ann.take(1) == [7]
    assert desk.withdraw("r1", 0, PREVALENCE).result() == 2
    assert desk.withdraw("r1", 0, PREVALENCE).result() == 0
    assert ann.visit().held == [7]
    assert desk.queue("r1", 0).open == 3
    ann.visit(leave=True)
    assert desk.withdraw("r1", 0, PREVALENCE).result() == 1
    assert Person(desk, "Bob").take(9) == [20, 21, 40]


def test_a_late_answer_to_a_card_that_was_taken_back_counts(desk: Desk) -> None:
    draw(desk, [7, 3])
    ann = Person(desk, "Ann")
    ann.take(1)
    desk.withdraw("r1", 0).result()
    ann.say(7, number=0)
    assert [(event.item, event.late) for event in desk.events("r1", 0, 0)[0]] == [(7, True)]
