"""Who answers counts: calls in flight and their size follow the replicas, and each one's rate is told."""

from __future__ import annotations

import pytest

from orchestrator.crew import Crew
from orchestrator.rates import Rates, WorkerRate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_in_flight_follow_the_workers_that_answer() -> None:
    clock = Clock()
    crew = Crew(3, clock=clock)
    assert crew.in_flight() == 3
    for number in range(5):
        crew.answered(f"host-{number}", 256, 1, 2.0)
    crew.answered("host-0", 256, 1, 2.0)
    assert crew.in_flight() == 10
    clock.now += 5
    crew.answered("host-4", 256, 1, 2.0)
    clock.now += 4  # four have been silent for 9 seconds, more than four calls
    assert (crew.workers, crew.in_flight()) == (["host-4"], 3)


def test_replicas_that_are_known_have_their_calls_before_they_have_answered_any() -> None:
    known = [1]
    crew = Crew(2, lambda: known[0], Clock())
    assert crew.in_flight() == 2
    known[0] = 4
    assert crew.in_flight() == 8
    for number in range(6):  # two of them were killed, and came back under other names
        crew.answered(f"host-{number}", 256, 1, 2.0)
    assert crew.in_flight() == 8
    known[0] = 1  # one address, maybe of something that spreads calls itself: who answers counts
    assert crew.in_flight() == 12
    known[0] = 1000
    assert crew.in_flight() == 256


@pytest.mark.parametrize(("slowest", "silent"), [(0.1, 5), (2.0, 8), (10.0, 30), (100.0, 200)])
def test_a_worker_is_forgotten_after_a_few_of_its_calls(slowest: float, silent: float) -> None:
    clock = Clock()
    crew = Crew(1, clock=clock)
    crew.answered("host-a", 256, 1, slowest)
    crew.answered("host-a", 256, 1, 0.01)
    clock.now += silent - 0.1
    assert crew.workers == ["host-a"]
    clock.now += 0.2
    assert crew.workers == []


def test_there_is_a_bound_on_the_calls_in_flight() -> None:
    crew = Crew(1, clock=Clock())
    for number in range(1000):
        crew.answered(f"host-{number}", 1, 1, 1.0)
    assert crew.in_flight() == 256


def test_all_calls_in_flight_are_what_all_workers_do_in_two_seconds() -> None:
    clock = Clock()
    crew = Crew(2, clock=clock)
    assert crew.blocks(1000) == 1  # nothing is known yet
    crew.answered("host-a", 256, 1, 0.1)  # ten blocks a second
    assert [crew.blocks(left) for left in (1000, 80, 39, 4, 1)] == [10, 10, 10, 1, 1]
    for number in range(4):
        crew.answered(f"host-{number}", 512, 2, 0.2)
    assert (crew.in_flight(), crew.blocks(1000)) == (10, 10)  # five workers, fifty blocks a second
    crew.answered("host-0", 0, 0, 0.1)
    assert Crew(1, clock=clock).blocks(1000) == 1


def test_the_size_of_calls_does_not_jump_with_single_answers() -> None:
    clock = Clock()
    crew = Crew(8, clock=clock)
    sizes = []
    for number in range(40):  # four equal workers, two blocks a second each; of two calls one has waited
        clock.now += 0.25
        crew.answered(f"host-{number % 4}", 512, 2, 0.5 + number % 2)
        sizes.append(crew.blocks(10_000))
    assert set(sizes[12:]) == {2}


def test_a_call_has_a_largest_size_and_slow_workers_get_single_blocks() -> None:
    crew = Crew(2, clock=Clock())
    crew.answered("host-a", 256, 1, 40.0)
    assert crew.blocks(1000) == 1
    fast = Crew(2, clock=Clock())
    fast.answered("host-a", 25_600, 100, 0.0)
    assert fast.blocks(10_000) == 64


def test_a_rate_is_that_of_the_last_answers() -> None:
    clock = Clock()
    crew = Crew(1, clock=clock)
    for seconds in [10.0] * 4 + [1.0] * 15:
        clock.now += seconds
        crew.answered("host-a", 100, 1, seconds)
    assert crew.rates().words(1000) == "100 images/s, 0:00:10 left"


def test_rates_and_the_time_left_are_told() -> None:
    clock = Clock()
    crew = Crew(2, clock=clock)
    assert crew.rates().words(500) == "0 images/s, no end left"
    clock.now += 10
    crew.answered("host-aa", 1000, 4, 10.0)
    assert crew.rates().words(366_100) == "100 images/s, 1:01:01 left"
    crew.answered("host-bb", 500, 2, 5.0)  # it joined later: the time left is that of both at work
    assert crew.rates().words(1500) == "200 images/s, 0:00:08 left; 2 workers: aa 100/s, bb 100/s"
    clock.now += 100
    assert crew.rates().words(1500) == "14 images/s, 0:01:50 left"  # nobody has answered lately


def test_an_embedder_of_before_has_no_name_and_counts_all_the_same() -> None:
    crew = Crew(1, clock=Clock())
    crew.answered("", 256, 1, 1.0)
    assert crew.in_flight() == 2


def test_each_worker_has_its_name_and_its_device() -> None:
    crew = Crew(2, clock=Clock())
    crew.answered("host-b", 256, 1, 2.0, "cuda:0 NVIDIA H200")
    crew.answered("host-a", 256, 1, 4.0, "cpu")
    assert crew.rates() == Rates(
        192, (WorkerRate("host-a", "cpu", 64), WorkerRate("host-b", "cuda:0 NVIDIA H200", 128))
    )
