"""Votes of several people to one answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agreement import agreement
from orchestrator.clients.labeler import Answer, LabelEvent
from orchestrator.consensus import resolve, weigh
from orchestrator.labels import SETTLED, LabelLog
from orchestrator.opinions import ask_again

YES, NO, UNSURE, BACK = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNSURE, Answer.RETRACTED


@pytest.mark.parametrize(
    ("votes", "answer"),
    [
        ({"ann": YES}, YES),
        ({"ann": UNSURE}, UNSURE),
        ({"ann": YES, "bob": YES}, YES),
        ({"ann": YES, "bob": NO}, UNSURE),  # open until a third has looked
        ({"ann": YES, "bob": UNSURE}, YES),
        ({"ann": YES, "bob": NO, "cat": UNSURE}, UNSURE),
        ({"ann": YES, "bob": NO, "cat": YES}, YES),
        ({"ann": NO, "bob": NO, "cat": YES}, NO),
    ],
)
def test_few_votes(votes: dict[str, Answer], answer: Answer) -> None:
    assert resolve({7: votes}) == {7: answer}


def test_from_three_votes_on_reliable_people_count_for_more() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    right = {"ann": 0.97, "bob": 0.95, "cat": 0.55, "dan": 0.55, "eve": 0.55}
    votes = {
        item: {name: YES if truth[item] == (rng.random() < share) else NO for name, share in right.items()}
        for item in range(400)
    }
    weighed = np.array([answer == YES for answer in resolve(votes).values()])
    majority = np.array([sum(answer == YES for answer in votes[item].values()) >= 3 for item in range(400)])
    assert (weighed == truth).mean() > 0.93
    assert (weighed == truth).mean() > (majority == truth).mean() + 0.05


@given(
    st.dictionaries(
        st.integers(0, 50),
        st.dictionaries(st.sampled_from("abcde"), st.sampled_from([YES, NO, UNSURE]), min_size=1),
        max_size=30,
    )
)
def test_every_item_gets_an_answer_and_agreement_is_kept(votes: dict[int, dict[str, Answer]]) -> None:
    answers = resolve(votes)
    assert list(answers) == list(votes)
    for item, of_item in votes.items():
        said = {answer for answer in of_item.values() if answer != UNSURE}
        if not said:
            assert answers[item] == UNSURE
        if len(said) == 1 and len([a for a in of_item.values() if a != UNSURE]) < 3:
            assert answers[item] in said
    assert all(0 <= chance <= 1 for chance in weigh(votes).values())


def test_nobody_is_trusted_blindly() -> None:
    """One who always says yes says nothing."""
    votes = {
        item: {"yes-man": YES, "ann": NO if item % 2 else YES, "bob": NO if item % 2 else YES} for item in range(60)
    }
    assert [answer == YES for answer in resolve(votes).values()] == [item % 2 == 0 for item in range(60)]


@dataclass
class Log:
    """A label log in memory, as the client gives it."""

    told: list[LabelEvent] = field(default_factory=list)

    def say(self, item: int, answer: Answer, annotator: str = "ann", number: int = 1, reason: str = "") -> None:
        self.told.append(LabelEvent(len(self.told) + 1, item, answer, number, annotator, 0, reason))

    def events(self, run: str, after: int = 0) -> list[LabelEvent]:
        return self.told[after:]


def test_the_newest_answer_of_a_person_is_the_vote_and_an_undo_takes_only_that_back() -> None:
    log = Log()
    labels = LabelLog(log, "a")  # type: ignore[arg-type]
    log.say(3, YES)
    log.say(3, NO)  # a change of mind, not a second vote
    assert labels.newest().answers == {3: NO}
    log.say(3, YES, "bob")
    assert labels.newest().answers == {3: UNSURE}
    assert len(labels.newest().training()[0]) == 0
    assert labels.newest().asked().tolist() == [3]
    log.say(3, BACK, "bob")
    assert labels.newest().answers == {3: NO}
    log.say(3, BACK)
    assert labels.newest().answers == {}
    assert labels.at(2).answers == {3: NO}


def test_disputed_is_what_another_look_came_out_differently_for_whoever_looked() -> None:
    log = Log()
    labels = LabelLog(log, "a")  # type: ignore[arg-type]
    for item in range(1, 7):
        log.say(item, YES)
    log.say(1, NO, reason="second")  # the same person
    log.say(2, NO, "bob", reason="second")
    log.say(3, NO, "bob", reason="overlap")
    log.say(4, YES, "bob", reason="second")
    log.say(5, UNSURE, "bob", reason="second")
    log.say(6, NO)  # a change of mind that nobody asked for
    log.say(7, UNSURE)
    log.say(7, YES, "bob", reason="second")  # there was nothing to contradict
    assert labels.newest().disputed == {1, 2}
    assert labels.newest().reviewed == {1, 2, 4, 5}
    assert (labels.at(7).disputed, labels.at(7).reviewed) == ({1}, {1})
    assert labels.newest().again == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 7: 1}


def test_one_person_alone_has_the_labels_as_ever() -> None:
    log = Log()
    for item in (5, 2, 9):
        log.say(item, YES if item > 4 else NO)
    log.say(5, BACK)
    log.say(5, UNSURE, number=2)
    labels = LabelLog(log, "a").newest()  # type: ignore[arg-type]
    assert list(labels.answers.items()) == [(2, NO), (9, YES), (5, UNSURE)]
    assert labels.rounds[5] == 2
    assert labels.training()[0].tolist() == [2, 9]


def test_what_somebody_settles_counts_until_the_next_answer_and_is_no_vote() -> None:
    log = Log()
    labels = LabelLog(log, "a")  # type: ignore[arg-type]
    for name, answer in (("ann", YES), ("bob", YES), ("cat", NO)):
        log.say(3, answer, name)
    log.say(4, YES)
    assert labels.newest().answers == {3: YES, 4: YES}
    log.say(3, NO, "eve", reason=SETTLED, number=0)
    newest = labels.newest()
    assert (newest.answers, newest.settled, newest.rounds) == ({3: NO, 4: YES}, {3: NO}, {3: 1, 4: 1})
    assert newest.votes[3] == {"ann": YES, "bob": YES, "cat": NO}
    assert agreement(newest.votes, log.told).pairs == 3
    log.say(3, YES, "dan", number=2)
    assert (labels.newest().answers[3], labels.newest().settled) == (YES, {})
    log.say(4, UNSURE, "eve", reason=SETTLED, number=0)
    log.say(4, BACK, "eve")
    assert labels.newest().answers[4] == YES
    log.say(9, YES, "eve", reason=SETTLED, number=0)  # the votes were taken back meanwhile
    assert (labels.newest().answers[9], labels.newest().rounds[9]) == (YES, 0)
    log.say(9, BACK, "eve")
    log.say(9, NO, "ann", number=5)
    assert (labels.newest().answers[9], labels.newest().rounds[9]) == (NO, 5)


def test_what_is_settled_is_asked_of_nobody_again() -> None:
    log = Log()
    labels = LabelLog(log, "a")  # type: ignore[arg-type]
    for item in (1, 2):
        log.say(item, YES, "ann")
        log.say(item, NO, "bob")
    log.say(5, YES, "cat")
    log.say(6, YES, "cat")
    wrong = {5: 0.01, 6: 0.01}
    assert {pick.item for pick in ask_again(labels.newest(), wrong, 10, 3)} == {1, 2, 5, 6}
    for item in (1, 5):
        log.say(item, YES, "eve", reason=SETTLED, number=0)
    assert {pick.item for pick in ask_again(labels.newest(), wrong, 10, 3)} == {2, 6}
