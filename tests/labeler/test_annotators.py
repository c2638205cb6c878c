"""Statistics of annotators, from events."""

from __future__ import annotations

import pytest

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


def test_what_is_settled_is_no_dispute_and_no_independent_vote_until_somebody_differs_again() -> None:
    log = events((3, "ann", YES), (3, "bob", NO), (4, "ann", YES), (4, "bob", NO))
    made = marks(*log)
    assert made.disputed().tolist() == [4, 3]
    made.add(Event(5, 3, YES, 0, "eve", log[-1].time_ms, SETTLED, False))
    assert made.disputed().tolist() == [4]
    assert {one["name"]: (one["shared"], one["agreed"]) for one in made.annotators()} == {
        "ann": (2, 0),
        "bob": (2, 0),
        "eve": (0, 0),
    }
    made.add(Event(6, 3, NO, 2, "cid", log[-1].time_ms, "", True))
    assert made.disputed().tolist() == [3, 4]
    made.add(Event(7, 4, UNDO, 1, "ann", log[-1].time_ms, "", False))
    assert made.disputed().tolist() == [3]
