"""Wrong answers and second opinions in the measurement."""

from __future__ import annotations

from benchmarks.labels.course import LABELS, seed_set
from benchmarks.labels.pools import synthetic
from benchmarks.noise import Asked, found
from orchestrator.clients.labeler import Answer


def test_another_person_errs_by_another_lot_and_each_answer_is_a_swipe() -> None:
    pool = synthetic(1, 2_000, 0.02, 0)
    task = Asked(pool, 1, 0.3)
    asked = seed_set(pool, 1)
    for _ in range(3):
        for item in asked:
            task.ask(item)
    assert task.swipes == 3 * len(asked)
    assert task.labelled == asked  # not once more for each opinion
    assert set(task.again.values()) == {2}
    wrong = [
        [vote for name, vote in task.votes[item].items() if (vote == Answer.POSITIVE) != pool.truth[item]]
        for item in asked
    ]
    assert {0, 3} != {len(votes) for votes in wrong}, "all three err alike"
    assert any(wrong)


def test_what_nobody_was_asked_about_twice_is_not_known_as_asked_again() -> None:
    pool = synthetic(1, 2_000, 0.02, 0)
    task = Asked(pool, 1, 0.0)
    task.ask(7)
    assert 7 not in task.again


def test_second_opinions_win_back_a_part_of_what_errors_cost() -> None:
    pool = synthetic(4, 20_000, 0.01, 0)
    calm, once, twice = (found(pool, 1, *arm) for arm in ((0.0, 0.0), (0.05, 0.0), (0.05, 0.1)))
    assert calm > twice > once
    assert twice * 200 <= LABELS
