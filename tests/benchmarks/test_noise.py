"""Wrong answers and second opinions in the measurement."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.labels.course import LABELS, seed_set
from benchmarks.labels.pools import synthetic
from benchmarks.noise import Asked, cells, found
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


def test_what_is_lost_is_told_in_parts_of_what_is_found_without_errors() -> None:
    shares = np.array([[0.4, 0.4, 0.3], [0.6, 0.5, 0.5]])
    assert cells(shares) == ["0.500", "0.450", "10.0% ± 10.0%", "0.400", "20.0% ± 0.0%"]


def test_labels_are_those_of_the_newest_answer() -> None:
    task = Asked(synthetic(1, 2_000, 0.02, 0), 1, 0.0)
    task.ask(7)
    before = task.labels()
    assert task.labels() is before
    task.ask(8)
    assert set(task.labels().answers) == {7, 8}


@pytest.mark.parametrize("modes", [1, 4])
def test_where_nobody_errs_second_opinions_cost_a_few_swipes_only(modes: int) -> None:
    pool = synthetic(modes, 10_000, 0.01, 2)
    assert found(pool, 1, 0.0, 0.5) > found(pool, 1, 0.0) - 0.05
