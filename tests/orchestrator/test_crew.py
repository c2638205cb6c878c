"""Who answers counts: calls in flight grow and shrink with the replicas, and each one's rate is told."""

from __future__ import annotations

from orchestrator.crew import Crew


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_in_flight_follow_the_workers_that_answer() -> None:
    clock = Clock()
    crew = Crew(3, clock)
    assert crew.in_flight() == 3
    for number in range(5):
        crew.answered(f"host-{number}", 256, 1.0)
    crew.answered("host-0", 256, 1.0)
    assert crew.in_flight() == 10
    clock.now += 20
    crew.answered("host-4", 256, 1.0)
    clock.now += 15  # four have been silent for 35 seconds
    assert (crew.workers, crew.in_flight()) == (["host-4"], 3)


def test_there_is_a_bound_on_the_calls_in_flight() -> None:
    crew = Crew(1, Clock())
    for number in range(1000):
        crew.answered(f"host-{number}", 1, 1.0)
    assert crew.in_flight() == 256


def test_rates_and_the_time_left_are_told() -> None:
    clock = Clock()
    crew = Crew(2, clock)
    assert crew.note(500) == "0 images/s, no end left"
    clock.now += 10
    crew.answered("host-aa", 1000, 10.0)
    assert crew.note(366_100) == "100 images/s, 1:01:01 left"
    crew.answered("host-bb", 500, 5.0)
    assert crew.note(1500) == "150 images/s, 0:00:10 left; 2 workers: aa 100/s, bb 100/s"


def test_an_embedder_of_before_has_no_name_and_counts_all_the_same() -> None:
    crew = Crew(1, Clock())
    crew.answered("", 256, 1.0)
    assert crew.in_flight() == 2
