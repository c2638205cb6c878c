"""Which answered images are asked about once more, and how well people agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.agreement import agreement
from orchestrator.clients.labeler import Answer, LabelEvent
from orchestrator.doubting import doubts, share_of_errors
from orchestrator.labels import OVERLAP, SECOND, SEED_FOLDER, Labels
from orchestrator.opinions import ask_again, count_people, held_back, held_out, overlap, worth_a_third

YES, NO, UNSURE, BACK = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNSURE, Answer.RETRACTED


def labels_of(votes: dict[int, dict[str, Answer]], again: dict[int, int] | None = None) -> Labels:
    answers = {i: next(iter(set(v.values()))) if len(set(v.values())) == 1 else UNSURE for i, v in votes.items()}
    return Labels(len(votes), answers, dict.fromkeys(votes, 0), votes, again or {})


ONE = labels_of(
    {
        1: {"ann": YES},
        2: {"ann": NO},
        3: {"ann": UNSURE},
        4: {"ann": NO},
        5: {"ann": YES},
        6: {"ann": YES},
        7: {"ann": NO},
    }
)
EXPECTED = {1: 0.08, 2: 0.95, 4: 0.45, 5: 0.95, 6: 0.02, 7: 0.97}


@pytest.mark.parametrize(
    ("people", "most", "items"),
    [(1, 9, [6, 1, 7, 2]), (1, 1, [6]), (2, 9, [6, 1, 3, 7, 2]), (2, 3, [6, 1, 3]), (2, 0, [])],
)
def test_doubted_yes_come_first_then_unsure_where_several_label_and_doubted_no_last(
    people: int, most: int, items: list[int]
) -> None:
    picks = ask_again(ONE, EXPECTED, most, people)
    assert [pick.item for pick in picks] == items
    assert all(pick.second and pick.reason == SECOND for pick in picks)


def test_nobody_is_asked_a_third_time_nor_about_a_seed_folder() -> None:
    labels = labels_of({1: {"ann": YES}, 2: {SEED_FOLDER: NO}, 3: {"ann": NO, "bob": NO}}, {1: 1})
    assert ask_again(labels, {1: 0.0, 2: 1.0, 3: 1.0}, 9, 5) == []
    assert overlap(labels, {}, set(), 9, 0) == []
    assert count_people(labels) == 2


def test_a_third_person_decides_between_two() -> None:
    labels = labels_of({1: {"ann": YES}, 2: {"ann": YES, "bob": NO}, 3: {"ann": UNSURE, "bob": NO}}, {2: 1, 3: 1})
    assert [pick.item for pick in ask_again(labels, {1: 0.0}, 9, 3)] == [1, 2]
    assert [pick.item for pick in ask_again(labels, {1: 0.0}, 9, 2)] == [1]


def test_a_third_is_asked_only_where_the_head_would_say_yes() -> None:
    labels = labels_of({1: {"ann": YES, "bob": NO}, 2: {"ann": YES, "bob": NO}}, {1: 1, 2: 1})
    scores = np.array([0.9, 0.5, 0.4], dtype=np.float32)
    assert [pick.item for pick in ask_again(labels, {}, 9, 3, scores)] == [1]


def test_a_third_is_asked_where_the_head_hopes_for_as_much_as_from_a_new_image_the_likeliest_first() -> None:
    tied = (1, 2, 5, 900)
    labels = labels_of({item: {"ann": YES, "bob": NO} for item in tied}, dict.fromkeys(tied, 1))
    scores = np.array([0.1, 0.12, 0.3, 0.2, np.nan, 0.05], dtype=np.float32)
    worth = worth_a_third(scores, labels, 2)
    assert worth == pytest.approx(0.15), "the mean of the two best among 0 and 3: what is not there has no score"
    assert [pick.item for pick in ask_again(labels, {}, 9, 3, scores, worth)] == [2]
    assert [pick.item for pick in ask_again(labels, {}, 9, 3, scores, 0.1)] == [2, 1]
    assert [pick.item for pick in ask_again(labels, {}, 1, 3, scores, 0.1)] == [2]


@pytest.mark.parametrize(
    ("scores", "worth"), [([0.9, 0.8, 0.7], 0.5), ([0.9, np.nan], 0.5), ([np.nan], 0.0), ([], 0.0)]
)
def test_a_likely_yes_is_worth_a_third_whatever_is_left_and_any_where_nothing_is(
    scores: list[float], worth: float
) -> None:
    assert worth_a_third(np.array(scores, dtype=np.float32), labels_of({}), 2) == pytest.approx(worth)


def test_where_every_image_has_an_answer_all_ties_are_decided() -> None:
    labels = labels_of({0: {"ann": YES, "bob": NO}, 1: {"ann": NO}}, {0: 1})
    scores = np.array([0.01, 0.02], dtype=np.float32)
    worth = worth_a_third(scores, labels, 20)
    assert [pick.item for pick in ask_again(labels, {}, 9, 3, scores, worth)] == [0]


def test_two_who_stay_of_different_minds_are_left_alone() -> None:
    labels = labels_of({2: {"ann": YES, "bob": NO}}, {2: 2})
    assert ask_again(labels, {}, 9, 3) == []


def test_an_answer_that_has_become_unsure_since_the_training_is_asked_about_once() -> None:
    assert [pick.item for pick in ask_again(ONE, {**EXPECTED, 3: 0.99}, 9, 2)] == [6, 1, 3, 7, 2]


def test_people_who_are_never_contradicted_are_doubted_less_and_those_who_are_more() -> None:
    fresh = doubts(labels_of({}))
    assert (fresh.yes_below, fresh.learned_from, fresh.no_above) == pytest.approx((0.172, 0.095, 0.891), abs=1e-3)
    assert share_of_errors(labels_of({})) == pytest.approx(0.05)
    calm, wild = (replace(ONE, reviewed=frozenset(range(20)), disputed=frozenset(range(n))) for n in (0, 15))
    assert share_of_errors(calm) == pytest.approx(0.15 * 0.5 / 21.5)
    assert doubts(calm).learned_from < fresh.learned_from < doubts(wild).learned_from
    for of_these in (calm, wild, labels_of({})):  # what is not learned from is always asked about again
        assert 0 < doubts(of_these).learned_from < doubts(of_these).yes_below < doubts(of_these).no_above < 1
    assert doubts(calm).yes_below < fresh.yes_below < doubts(wild).yes_below < 0.4
    assert doubts(calm).no_above > fresh.no_above > doubts(wild).no_above > 0.6
    every = replace(ONE, reviewed=frozenset(range(999)), disputed=frozenset(range(999)))
    assert share_of_errors(every) < 0.15


def test_only_a_new_yes_that_somebody_can_be_asked_about_is_held_back() -> None:
    votes = {1: {"ann": YES}, 2: {"ann": NO}, 3: {"ann": YES}, 4: {"ann": YES}, 5: {"ann": YES, "bob": YES}}
    labels = replace(
        labels_of({**votes, 6: {SEED_FOLDER: YES}}, {4: 1}), rounds={**dict.fromkeys(range(1, 7), 4), 3: 3}
    )
    assert held_back(labels, 5) == ([1, 3], doubts(labels).learned_from)
    assert held_back(labels, 6)[0] == [1]
    assert held_back(labels, 7)[0] == []


def test_the_overlap_is_drawn_by_lot_and_the_seed_tells_which() -> None:
    labels = labels_of({item: {"ann": NO} for item in range(50)})
    drawn = overlap(labels, {}, {7}, 10, 1)
    items = [pick.item for pick in drawn]
    assert items == [pick.item for pick in overlap(labels, {}, {7}, 10, 1)]
    assert items != [pick.item for pick in overlap(labels, {}, {7}, 10, 2)]
    assert len(set(items)) == 10 and 7 not in items
    assert {pick.reason for pick in drawn} == {OVERLAP}


def test_probabilities_belong_to_the_items_that_were_trained_on() -> None:
    found = held_out(ONE, np.array([0.1, np.nan, 0.3, 0.4, 0.5, 0.6], dtype=np.float32))
    assert found == pytest.approx({1: 0.1, 4: 0.3, 5: 0.4, 6: 0.5, 7: 0.6})
    with pytest.raises(ValueError, match="shorter"):
        held_out(ONE, np.array([0.1], dtype=np.float32))


def event(position: int, item: int, answer: Answer, who: str, reason: str = "exploit") -> LabelEvent:
    return LabelEvent(position, item, answer, 0, who, 0, reason)


def test_agreement_and_consistency_are_counted() -> None:
    votes = {1: {"ann": YES, "bob": NO}, 2: {"ann": YES, "bob": YES, "cat": UNSURE}, 3: {"ann": NO}}
    log = [
        event(1, 1, YES, "ann"),
        event(2, 1, NO, "ann", SECOND),  # another answer
        event(3, 2, YES, "ann"),
        event(4, 2, YES, "ann", OVERLAP),  # the same
        event(5, 3, NO, "ann"),
        event(6, 3, YES, "ann"),  # a change of mind, not a card shown again
        event(7, 4, NO, "ann"),
        event(8, 4, BACK, "ann"),
        event(9, 4, YES, "ann", SECOND),  # there was nothing to compare with
    ]
    found = agreement(votes, log)
    assert (found.pairs, found.agreeing, found.repeated, found.same) == (2, 1, 2, 1)
