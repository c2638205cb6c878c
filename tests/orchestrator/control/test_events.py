"""The events of a run: in order, also for whoever watched before the daemon was started again."""

from __future__ import annotations

import threading
import time

from orchestrator.control.events import EventLog


def test_events_come_in_order_and_once() -> None:
    log = EventLog("r")
    log.add(text="a")
    log.add(text="b")
    seen = log.after(0, 1)
    assert [event.text for event in seen] == ["a", "b"]
    assert [event.text for event in log.after(seen[0].sequence, 1)] == ["b"]


def test_whoever_waits_for_nothing_waits() -> None:
    log = EventLog("r")
    for after in (0, log._next):
        start = time.monotonic()
        assert log.after(after, 0.2) == []
        assert time.monotonic() - start >= 0.19


def test_whoever_waits_is_woken() -> None:
    log = EventLog("r")
    threading.Timer(0.1, lambda: log.add(text="a")).start()
    start = time.monotonic()
    assert len(log.after(0, 20)) == 1
    assert time.monotonic() - start < 10


def test_numbers_go_on_after_a_restart() -> None:
    before = EventLog("r")
    for _ in range(5):
        before.add(text="x")
    last = before.after(0, 1)[-1].sequence
    time.sleep(0.05)
    again = EventLog("r")
    again.add(text="after the restart")
    assert [event.text for event in again.after(last, 1)] == ["after the restart"]


def test_progress_is_kept_as_the_newest_only() -> None:
    log = EventLog("r")
    for done in range(50):
        log.add(step="embed", done=done, total=50)
    assert [event.done for event in log.after(0, 1)] == [49]
