"""Somebody who labels over HTTP, with the protocol of the page."""

from __future__ import annotations

from typing import Any

import httpx


class Annotator:
    """Holds a few cards, and says what the file's name says.

    Args:
        url: of the page.
        name: of the person.
        positive: what names of positive images contain.
        token: of the link that lets in, where the page asks for one.
    """

    def __init__(self, url: str, name: str, positive: str = "ring", token: str = "") -> None:
        self.http = httpx.Client(base_url=url, headers={"Origin": url.rstrip("/")}, timeout=20)
        if token:
            self.http.post("join", json={"token": token}).raise_for_status()
        self.client, self.name, self.positive = f"{name:0>8}", name, positive
        self.run = self.http.get("api/runs").json()["runs"][0]["run"]
        self.hand: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []
        self.said: list[int] = []
        self.sequence = 0
        self.last: dict[str, Any] = {}

    def sync(self, want: int = 4) -> dict[str, Any]:
        hold = [card["item"] for card in self.hand]
        body = {"client": self.client, "annotator": self.name, "events": self.waiting, "hold": hold, "want": want}
        reply: dict[str, Any] = self.http.post(f"api/runs/{self.run}/sync", json=body).raise_for_status().json()
        self.waiting = []
        self.hand = [card for card in self.hand if card["item"] in reply["held"]] + reply["cards"]
        return reply

    def answer(self) -> bool:
        if not self.hand:
            self.sync()
        if not self.hand:
            return False
        self.last = self.hand.pop(0)
        self.said.append(self.last["item"])
        self.tell("positive" if self.positive in self.last["name"] else "negative")
        return True

    def tell(self, said: str) -> None:
        """An answer to the card that was answered last: another one, or "retracted"."""
        self.sequence += 1
        self.waiting = [
            {"sequence": self.sequence, "item": self.last["item"], "round": self.last["round"], "answer": said}
        ]
        self.sync()

    def loop(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"api/runs/{self.run}/loop").raise_for_status().json()
        return found

    def tell_the_loop(self, question: str, answer: str) -> httpx.Response:
        return self.http.post(f"api/runs/{self.run}/loop", json={"question": question, "answer": answer})
