"""What the dashboard draws, and how fast a step goes."""

from __future__ import annotations

import time

import numpy as np

from orchestrator.control.dashboard import BINS, in_bins
from orchestrator.control.events import EventLog, EventReporter, Pace
from orchestrator.rates import Rates, WorkerRate


def test_every_score_lies_in_one_bin_and_nothing_lies_in_none() -> None:
    scores = np.array([0, 0.019, 0.02, 0.5, 0.999, 1, np.nan], dtype=np.float32)
    counts = in_bins(scores)
    assert len(counts) == BINS
    assert (counts[0], counts[1], counts[25], counts[49], sum(counts)) == (2, 1, 1, 2, 6)
    assert in_bins(np.empty(0, dtype=np.float32)) == [0] * BINS


def test_the_pace_is_of_the_step_at_work_only() -> None:
    events = EventLog("r")
    assert events.pace() is None
    events.add(step="Embedding", done=0, total=100)
    first = events.pace()
    assert first is not None
    assert np.isnan(first.per_second)
    time.sleep(0.2)
    events.add(step="Embedding", done=50, total=100)
    pace = events.pace()
    assert pace is not None
    assert (pace.step, pace.done, pace.total) == ("Embedding", 50, 100)
    assert 50 < pace.per_second < 251
    events.add(step="Embedding", done=100, total=100)
    assert events.pace() is None  # done
    events.add(step="Indexing", done=1, total=10)
    again = events.pace()
    assert again is not None
    assert np.isnan(again.per_second)  # of this step nothing is known yet
    events.add(text="a line")
    assert events.pace() is None


def test_a_step_that_knows_its_rates_tells_them_with_its_workers() -> None:
    events = EventLog("r")
    both = (WorkerRate("host-a", "cpu", 20.0), WorkerRate("host-b", "cpu", 10.0))
    with EventReporter(events).bar("Embedding", 100, "images") as bar:
        bar.update(10, "30 images/s, 0:00:03 left", Rates(30.0, both))
    assert events.pace() == Pace("Embedding", 10, 100, 30.0, both)
    newest = events.after(0, 1)[-1]
    assert (newest.unit, newest.note) == ("images", "30 images/s, 0:00:03 left")
