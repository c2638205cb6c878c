"""Of the work that waits, the oldest call's goes first; what somebody looks at goes before all of it."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from services.embedder.turns import AHEAD, TurnPool, next_turn


def test_the_oldest_call_goes_first_whoever_asks_first() -> None:
    pool, gate, done = TurnPool(1, "t"), threading.Event(), list[str]()
    pool.submit(0, gate.wait)
    old, young = next_turn(), next_turn()
    futures = [
        pool.submit(turn, done.append, name)
        for turn, name in [(young, "c"), (old, "a"), (young, "d"), (old, "b"), (AHEAD, "picture")]
    ]
    gate.set()
    for future in futures:
        future.result(10)
    assert done == ["picture", "a", "b", "c", "d"]
    pool.close()


def test_several_threads_work_at_the_same_time_and_begin_with_the_initializer() -> None:
    begun: list[str] = []
    both = threading.Barrier(2, timeout=10)
    pool = TurnPool(2, "t", lambda: begun.append(threading.current_thread().name))
    for future in [pool.submit(0, both.wait) for _ in range(2)]:
        future.result(10)
    assert sorted(begun) == ["t_0", "t_1"]
    pool.close()


def test_what_fails_or_is_cancelled_ends_no_thread() -> None:
    pool, gate = TurnPool(1, "t"), threading.Event()
    bad = pool.submit(0, lambda: 1 // 0)
    pool.submit(1, gate.wait)
    never = pool.submit(2, lambda: 1)
    assert never.cancel()
    gate.set()
    assert pool.submit(3, lambda: 4).result(10) == 4
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    pool.close()


def test_closing_cancels_what_waits_and_refuses_more() -> None:
    pool, gate, begun = TurnPool(1, "t"), threading.Event(), threading.Event()
    running = pool.submit(0, lambda: begun.set() or gate.wait(10))
    begun.wait(10)
    waiting = pool.submit(1, lambda: 1)
    pool.close()
    with pytest.raises(CancelledError):
        waiting.result(10)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(0, lambda: 1)
    gate.set()
    assert running.result(10)
