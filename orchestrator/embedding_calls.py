"""The calls by which a catalog is embedded: a few in flight, made again where a replica was killed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.clients.refs import BlockRef, EncoderRef
from orchestrator.crew import Crew
from orchestrator.model import Catalogued
from orchestrator.run import Run, Stopped
from protos.errors import ClosedError, UnavailableError
from services.common.catalog import BLOCK_ROWS

log = logging.getLogger(__name__)

_LOOK_S = 0.5  # how often a wait looks whether the run is being stopped
_Found = tuple[list[BlockRef], str, str]  # what a call gives: blocks, and the device and the worker that made them
T = TypeVar("T")


@dataclass(frozen=True)
class _Call:
    """Blocks that are asked for, and since when."""

    first: int
    blocks: int
    since: float


class _Todo:
    """The blocks that are not asked for yet; those of broken calls come first."""

    def __init__(self, total: int) -> None:
        self._total, self._first = total, 0
        self._again: deque[int] = deque()

    @property
    def left(self) -> int:
        """How many they are."""
        return len(self._again) + self._total - self._first

    def take(self, at_most: int) -> tuple[int, int]:
        """The first block of the next call, and how many it carries."""
        if self._again:
            return self._again.popleft(), 1
        first, blocks = self._first, min(at_most, self._total - self._first)
        self._first += blocks
        return first, blocks

    def again(self, call: _Call) -> None:
        """Puts the blocks of a broken call back, each for itself: a replica that does not live long gets one of them done."""
        self._again.extend(range(call.first, call.first + call.blocks))


def in_flight(
    run: Run, catalogued: Catalogued, encoder: EncoderRef, crew: Crew
) -> Iterator[tuple[list[BlockRef], str]]:
    """The answers as they come, blocks and device. Leaving early waits for no call: those in flight end with their channel.

    Raises:
        Stopped: when the run is stopped meanwhile.
        UnavailableError: when a call has found no replica for as long as calls have patience, and no other one has either.
    """
    todo = _Todo(-(-catalogued.images // BLOCK_ROWS))
    waiting: dict[Future[_Found], _Call] = {}

    def call(at: int, count: int) -> _Found:
        return run.clients.embedder.embed_shard(run.id, encoder, catalogued.catalog, at, count, run.embedding)

    while todo.left or waiting:
        if run.stopping():
            raise Stopped
        while todo.left and len(waiting) < crew.in_flight():
            first, count = todo.take(crew.blocks(todo.left))
            waiting[_in_background(call, first, count)] = _Call(first, count, time.monotonic())
        done, _ = wait(waiting, _LOOK_S, FIRST_COMPLETED)
        for future in done:
            made = waiting.pop(future)
            try:
                found, device, worker = future.result()
            except UnavailableError as error:
                if isinstance(error, ClosedError) or crew.last_answer < made.since:
                    raise
                log.warning("%s; others answer, so its blocks are asked for again", error)
                todo.again(made)
                continue
            seconds = time.monotonic() - made.since
            crew.answered(worker, sum(block.rows for block in found), len(found), seconds, device)
            yield found, device


def _in_background(work: Callable[..., T], *arguments: int) -> Future[T]:
    """``work(*arguments)`` in a thread that holds nobody up; those of an executor are waited for when the process ends."""
    future: Future[T] = Future()
    context = copy_context()  # the thread works for the same run and round

    def run() -> None:
        try:
            future.set_result(context.run(work, *arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="embedding", daemon=True).start()
    return future
