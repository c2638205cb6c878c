"""Statistics of annotators, from events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.clients.labeler import Answer as Theirs
from orchestrator.clients.labeler import LabelEvent
from orchestrator.labels import LabelLog
from services.labeler.annotators import SETTLED, alpha
from services.labeler.browsing import Marks
from services.labeler.model import Answer, Event

YES, NO, UNSURE, UNDO = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNSURE, Answer.RETRACTED


def events(*said: tuple[int, str, Answer], every_ms: int = 1000, reason: str = "") -> list[Event]:
    return [
        Event(n, item, answer, 1, who, 1_700_000_000_000 + n * every_ms, reason, False)
        for n, (item, who, answer) in enumerate(said, 1)
    ]


def marks(*log: Event) -> Marks:
    made = Marks(20)
    for event in log:
        made.add(event)
    return made


def test_alpha_is_that_of_the_published_example() -> None:
    """Krippendorff 2011, example A: two observers, ten units, binary data, no answer missing: 0.095."""
    meg, owen = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    said = [
        (item, who, (NO, YES)[answer]) for who, row in (("meg", meg), ("owen", owen)) for item, answer in enumerate(row)
    ]
    assert marks(*events(*said)).alpha() == pytest.approx(0.095, abs=5e-4)


def test_alpha_with_missing_answers_by_hand() -> None:
    """Images (yes yes no), (no no), (yes), the last without a pair: o = 2 * 2 * 1 / 2, n = 5, e = 2 * 2 * 3; 1 - 4 * 2 / 12."""
    said = [(0, "a", YES), (0, "b", YES), (0, "c", NO), (1, "a", NO), (1, "b", NO), (2, "c", YES), (1, "c", UNSURE)]
    assert marks(*events(*said)).alpha() == pytest.approx(1 / 3)


@pytest.mark.parametrize("said", [[], [(0, "a", YES)], [(0, "a", YES), (0, "b", YES)]], ids=["none", "one", "all yes"])
def test_alpha_is_not_defined_without_differences(said: list[tuple[int, str, Answer]]) -> None:
    assert marks(*events(*said)).alpha() is None
    assert alpha([]) is None


def test_work_is_counted_by_what_stands() -> None:
    log = events(*[(n, "ann", YES if n % 2 else NO) for n in range(12)], (0, "ann", UNDO), (1, "ann", UNSURE))
    (ann,) = marks(*log).annotators()
    assert (ann["answers"], ann["positive"], ann["unsure"], ann["undone"]) == (11, 5, 1, 1)
    assert ann["per_minute"] == pytest.approx(60 * 12 / 13)  # from the first answer to the last, 13 s later


def test_breaks_and_imports_have_no_speed() -> None:
    (slow,) = marks(*events(*[(n, "slow", YES) for n in range(9)], every_ms=61_000)).annotators()
    (done,) = marks(*events(*[(n, "seed folder", YES) for n in range(9)], every_ms=0)).annotators()
    assert (slow["per_minute"], done["per_minute"]) == (None, None)


def test_what_is_settled_is_no_dispute_and_no_vote_until_the_next_answer() -> None:
    log = events((3, "ann", YES), (3, "bob", NO), (4, "ann", YES), (4, "bob", NO), (5, "ann", YES), (5, "bob", UNSURE))
    made = marks(*log)
    assert made.disputed().tolist() == [4, 3]  # unsure is no vote
    before = made.alpha()
    made.add(settled(7, 3, YES, "eve"))
    made.add(settled(8, 4, YES, "bob"))  # one of those who differed
    assert made.disputed().tolist() == []
    assert [int(made.label[item]) for item in (3, 4)] == [1, 1]
    assert made.alpha() == before
    assert {one["name"]: (one["answers"], one["shared"], one["agreed"]) for one in made.annotators()} == {
        "ann": (3, 2, 0),
        "bob": (3, 2, 0),
    }
    made.add(Event(9, 4, UNDO, 0, "cid", log[-1].time_ms, "", False))  # by one who never voted
    assert made.disputed().tolist() == []
    made.add(Event(10, 4, UNDO, 0, "bob", log[-1].time_ms, "", False))  # of the settlement; his vote stays
    assert made.disputed().tolist() == [4]
    made.add(Event(11, 3, NO, 2, "cid", log[-1].time_ms, "", True))
    assert made.disputed().tolist() == [3, 4]
    assert int(made.label[3]) == 2
    made.add(Event(12, 4, UNDO, 1, "ann", log[-1].time_ms, "", False))
    assert made.disputed().tolist() == [3]


def settled(position: int, item: int, answer: Answer, who: str) -> Event:
    return Event(position, item, answer, 0, who, 1_700_000_100_000, SETTLED, False)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from(Answer), st.booleans()), max_size=40)
)
def test_the_page_and_the_loop_agree_on_what_is_settled(said: list[tuple[int, str, Answer, bool]]) -> None:
    log = [
        Event(n, item, answer, 1, who, n, SETTLED if settles else "", False)
        for n, (item, who, answer, settles) in enumerate(said, 1)
    ]
    told = [
        LabelEvent(e.position, e.item, Theirs(e.answer.value), e.round, e.annotator, e.time_ms, e.reason) for e in log
    ]
    page, loop = marks(*log), LabelLog(Told(told), "r").newest()  # type: ignore[arg-type]
    codes = {Theirs.POSITIVE: 1, Theirs.NEGATIVE: 2, Theirs.UNSURE: 3}
    assert {item: int(page.label[item]) for item in loop.settled} == {i: codes[a] for i, a in loop.settled.items()}
    assert {item: {v.annotator: v.answer.value for v in page.votes(item)} for item in range(4) if page.votes(item)} == {
        item: {name: answer.value for name, answer in votes.items()} for item, votes in loop.votes.items()
    }
    disputed = set(page.disputed().tolist())
    for item, votes in loop.votes.items():
        both = {Theirs.POSITIVE, Theirs.NEGATIVE} <= set(votes.values())
        assert (item in disputed) == (both and item not in loop.settled)


class Told:
    """A label log in memory, as the client gives it."""

    def __init__(self, told: list[LabelEvent]) -> None:
        self._told = told

    def events(self, run: str, after: int = 0) -> list[LabelEvent]:
        return self._told[after:]
