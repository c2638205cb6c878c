"""Threads that serve whoever came first: the oldest call's work goes before that of younger ones.

Threads that take every call's work in turns finish all calls late and none early. A call that ends early publishes its blocks
early, and a worker that is killed has then lost one call's work, not a part of every call's.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

AHEAD = -1  # the turn of what somebody is looking at: a reference picture, a phrase

_numbers = count()


def next_turn() -> int:
    """The turn of a call that has just come in: later than that of all before it in this process."""
    return next(_numbers)


class TurnPool:
    """A pool of threads; of the work that waits, the one with the lowest turn is begun next, within a turn the first.

    Args:
        threads: how many.
        name: of the threads.
        initializer: each thread begins with it.
    """

    def __init__(self, threads: int, name: str, initializer: Callable[[], Any] = lambda: None) -> None:
        self._waiting: list[tuple[int, int, Future[Any], Callable[[], Any]]] = []
        self._order = count()
        self._changed = threading.Condition()
        self._closed = False
        self._initializer = initializer
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True).start()

    def submit(self, turn: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future result of ``work(*args)``.

        Raises:
            RuntimeError: when the pool is closed.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("this pool of threads is closed")
            heapq.heappush(self._waiting, (turn, next(self._order), future, lambda: work(*args, **kwargs)))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Cancels what is not begun; the threads end with what they are at."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for _, _, future, _ in waiting:
            future.cancel()

    def _work(self) -> None:
        self._initializer()
        while (task := self._next()) is not None:
            future, work = task
            if future.set_running_or_notify_cancel():
                _fulfil(future, work)
            del task, future, work  # results are large; a thread that waits must not keep the last one

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            _, _, future, work = heapq.heappop(self._waiting)
            return future, work


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
