"""The labeler, its images and its murderer."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.annotators.person import Heard, Person
from benchmarks.annotators.wire import Http
from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from services.common.catalog import write_catalog
from tests.labeler.kit import Service
from tests.support.pictures import picture

RUN = "bench"
LEASE_S = 60.0
_DISTINCT = 500
_CARDS = 10_000  # in one message


@dataclass
class Course:
    """What happened.

    Attributes:
        kills: when the labeler was killed, s of the monotonic clock.
        seconds: how long people labelled.
        left: items that silent annotators held at the end.
        lease_s: until all of these were with somebody else; None where one was not within twice the lease.
    """

    heard: Heard
    people: list[Person]
    kills: list[float]
    seconds: float
    left: int
    lease_s: float | None


class Stage:
    """A labeler as a process of its own, on SQLite, with images that are links to a few files.

    Args:
        folder: for all of it.
        images: how many items.
    """

    def __init__(self, folder: Path, images: int) -> None:
        self._folder, self._images = folder, images
        self._port = _free_port()
        catalog = self._publish()
        self._service = self._start()
        self._service.open_run(catalog, run=RUN)
        for first in range(0, images, _CARDS):
            self._service.offer(range(first, min(first + _CARDS, images)), run=RUN)

    async def play(self, annotators: int, rate: float, seconds: float, every: float) -> Course:
        """People label while the labeler is killed now and then; then all fall silent, and one takes their cards."""
        heard, kills = Heard(), []
        start = time.monotonic() + 1
        pace = annotators / rate
        people = [Person(Http(self._port), RUN, number, pace, heard) for number in range(annotators)]
        spread = [start + pace * number / annotators for number in range(annotators)]
        work = [
            asyncio.create_task(person.work(at, start + seconds)) for person, at in zip(people, spread, strict=True)
        ]
        at = start + every
        while every and at < start + seconds - every / 2:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            kills.append(time.monotonic())
            self._service.kill()
            self._service = await asyncio.to_thread(self._start)
            at += every
        await asyncio.gather(*work)
        silent = time.monotonic()
        held = {card["item"] for person in people for card in person.hand}
        back = await self._take_over(Http(self._port), held)
        return Course(heard, people, kills, seconds, len(held), None if back is None else back - silent)

    async def _take_over(self, http: Http, held: set[int]) -> float | None:
        """When one annotator has got all cards that others have left lying."""
        left, sequence = set(held), 0
        hand: list[dict[str, Any]] = []
        end = time.monotonic() + 2 * LEASE_S
        while left and time.monotonic() < end:
            events = []
            for card in hand:
                sequence += 1
                events.append({"sequence": sequence, "item": card["item"], "round": 1, "answer": "negative"})
            body = {"client": "thelastone", "annotator": "last", "events": events, "hold": [], "want": 50}
            hand = (await http.post(f"api/runs/{RUN}/sync", body))["cards"]
            left -= {card["item"] for card in hand}
            if not hand:
                await asyncio.sleep(0.5)
        return None if left else time.monotonic()

    def log(self) -> list[Any]:
        """All events."""
        found: list[Any] = []
        while True:
            after = found[-1].position if found else 0
            page = self._service.stub.ListLabels(pb.ListLabelsRequest(run=RUN, after=after)).events
            if not page:
                return found
            found.extend(page)

    def close(self) -> None:
        """Ends the labeler."""
        self._service.stop()

    def _start(self) -> Service:
        service = Service(self._folder, ACTIVE_LABELER_WEB_PORT=str(self._port), ACTIVE_LABELER_VERBOSE="false")
        if service.error:
            raise RuntimeError(service.error)
        return service

    def _publish(self) -> Any:
        files = self._folder / "files"
        files.mkdir(parents=True)
        rng = np.random.default_rng(1)
        for number in range(_DISTINCT):
            picture("ring" if number % 10 == 0 else "disc", rng).save(files / f"{number}.png")
        data = self._folder / "data"
        rows = []
        for item in range(self._images):
            name = f"{item // 1000:03}/{item:06}.png"
            source = files / f"{item % _DISTINCT}.png"
            target = data / name
            if item % 1000 == 0:
                target.parent.mkdir(parents=True)
            os.link(source, target)
            stat = source.stat()
            rows.append((name, stat.st_size, stat.st_mtime_ns))
        store = ArtifactStore(self._folder / "artifacts")
        with store.writing("catalogs/bench.sqlite") as writing:
            write_catalog(writing.path, data, rows)
        return writing.artifact


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
