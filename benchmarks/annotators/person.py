"""A scripted annotator over HTTP, with the page's own protocol: nothing leaves the outbox before it is acknowledged."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.annotators.wire import TROUBLE, Http

_WANT = 12
_PORTION = 200
_PICTURES = (b"\xff\xd8", b"RIFF")  # first bytes of what the labeler shows


@dataclass
class Heard:
    """What all annotators have seen.

    Attributes:
        acks: (time of sending, time of the acknowledgement) of each exchange that brought answers, s of the monotonic clock.
        images: (time of asking, time of arrival).
        failures: when an exchange failed.
        successes: when one did not.
        refused: answers that the labeler would not keep.
    """

    acks: list[tuple[float, float]] = field(default_factory=list)
    images: list[tuple[float, float]] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)
    refused: int = 0


class Person:
    """One annotator.

    Args:
        http: connections of its own.
        run: name of the run.
        number: of the annotator.
        pace: seconds between two answers.
        heard: where it is noted what came of it.
    """

    def __init__(self, http: Http, run: str, number: int, pace: float, heard: Heard) -> None:
        self._http, self._run, self._pace, self._heard = http, run, pace, heard
        self.client, self.name = f"annotator{number:07}", f"annotator {number}"
        self.hand: list[dict[str, Any]] = []
        self.outbox: dict[int, dict[str, Any]] = {}
        self.acknowledged: dict[int, tuple[int, str]] = {}
        self._sequence = 0
        self._pictures: set[asyncio.Task[None]] = set()

    async def work(self, start: float, end: float) -> None:
        """Answers at the pace, from ``start`` to ``end``, and then until all is acknowledged."""
        due = start
        while time.monotonic() < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self._pace, time.monotonic() - 2 * self._pace)  # who was held up hurries a little
            if self.hand:
                self._answer()
            await self._exchange(_WANT)
        while self.outbox and time.monotonic() < end + 60:
            await self._exchange(0)
        await asyncio.gather(*self._pictures)

    def _answer(self) -> None:
        card = self.hand.pop(0)
        self._sequence += 1
        answer = "positive" if card["item"] % 10 == 0 else "negative"
        self.outbox[self._sequence] = {
            "sequence": self._sequence,
            "item": card["item"],
            "round": card["round"],
            "answer": answer,
        }

    async def _exchange(self, want: int) -> None:
        events = list(self.outbox.values())[:_PORTION]
        hold = [card["item"] for card in self.hand]
        body = {"client": self.client, "annotator": self.name, "events": events, "hold": hold, "want": want}
        sent = time.monotonic()
        try:
            reply = await self._http.post(f"api/runs/{self._run}/sync", body)
        except TROUBLE:
            self._heard.failures.append(sent)
            await asyncio.sleep(0.2)
            return
        self._hear(reply, sent, bool(events))

    def _hear(self, reply: dict[str, Any], sent: float, answered: bool) -> None:
        now = time.monotonic()
        self._heard.successes.append(now)
        if answered:
            self._heard.acks.append((sent, now))
        for number in (*reply["saved"], *reply["standing"]):
            event = self.outbox.pop(number, None)
            if event is not None and number in reply["saved"]:
                self.acknowledged[number] = (event["item"], event["answer"])
        for refusal in reply["refused"]:
            self.outbox.pop(refusal["sequence"], None)
            self._heard.refused += 1
        held, waiting = set(reply["held"]), {event["item"] for event in self.outbox.values()}
        self.hand = [card for card in self.hand if card["item"] in held]
        new = [card for card in reply["cards"] if card["item"] not in waiting]
        self.hand += new
        for card in new:
            task = asyncio.create_task(self._look(card["image"]))
            self._pictures.add(task)
            task.add_done_callback(self._pictures.discard)

    async def _look(self, address: str) -> None:
        asked = time.monotonic()
        for _ in range(20):  # a page tries again, too
            try:
                picture = await self._http.get(address)
            except TROUBLE:
                await asyncio.sleep(0.5)
                continue
            if not picture.startswith(_PICTURES):
                raise ValueError(f"{address} is no picture")
            self._heard.images.append((asked, time.monotonic()))
            return
