"""Where a run stands, told whenever it changes: server-sent events for the dashboard."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from protos.errors import ActiveLabelerError, UnavailableError
from services.labeler.loop import Loop
from services.labeler.text import clean
from services.labeler.web.asking import RunName, is_admin

MOST_LISTENERS = 200
_EVERY_S = 1.0  # so often it is looked whether something has changed
_BEAT_S = 15.0  # so often a listener hears at least something: what goes through proxies silently is cut off
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def news(loop: Loop, dashboard: Callable[[str], dict[str, Any]], run: str) -> dict[str, Any]:
    """Where the loop stands, with the dashboard's figures (None where an orchestrator has none), or the trouble."""
    try:
        words = loop.status(run)
    except ActiveLabelerError as error:
        return {"run": run, "trouble": clean(str(error), 500)}
    try:
        return {**words, "board": dashboard(run)}
    except ActiveLabelerError:
        return {**words, "board": None}


class Telling:
    """Who listens, and what they are told: of one run all of them the same, looked up once for all.

    Args:
        look: what there is to say of a run.
    """

    def __init__(self, look: Callable[[str], dict[str, Any]]) -> None:
        self._look = look
        self._listeners: Counter[str] = Counter()
        self._last: dict[str, tuple[float, asyncio.Future[tuple[str, str]]]] = {}

    def check_room(self) -> None:
        """There are people who watch, and there are floods.

        Raises:
            UnavailableError: when too many listen.
        """
        if self._listeners.total() >= MOST_LISTENERS:
            raise UnavailableError(f"{MOST_LISTENERS} pages are told of changes already; this one has to ask")

    async def told(self, run: str, gone: Callable[[], Any], admin: bool = True) -> AsyncIterator[str]:
        """What there is to say, as events, each time it is something else.

        Args:
            admin: others are not told of people.
            gone: awaited; whether nobody listens any more.
        """
        said, heard = "", time.monotonic()
        self._listeners[run] += 1
        try:
            while not await gone():
                words = (await self._words(run))[0 if admin else 1]
                if words != said:
                    said, heard = words, time.monotonic()
                    yield f"data: {words}\n\n"
                elif time.monotonic() - heard >= _BEAT_S:
                    heard = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(_EVERY_S)
        finally:
            self._listeners[run] -= 1
            if self._listeners[run] == 0:
                del self._listeners[run]
                self._last.pop(run, None)

    async def _words(self, run: str) -> tuple[str, str]:
        begun, words = self._last.get(run, (0.0, None))
        if words is None or time.monotonic() - begun >= _EVERY_S * 0.9:
            words = asyncio.ensure_future(asyncio.to_thread(lambda: _both(self._look(run))))
            self._last[run] = (time.monotonic(), words)
        return await asyncio.shield(words)  # others wait for it, too


def for_others(words: dict[str, Any]) -> dict[str, Any]:
    """Where a run stands, without what is the admins' to know: what a message says of the host."""
    return {**words, "message": ""} if "message" in words else words


def _both(words: dict[str, Any]) -> tuple[str, str]:
    """For admins, and for others."""
    board = words.get("board")
    others = for_others(words)
    return json.dumps(words), json.dumps({**others, "board": {**board, "people": []}} if board else others)


def router(loop: Loop, dashboard: Callable[[str], dict[str, Any]]) -> APIRouter:
    """The route over a loop and what draws its dashboard."""
    routes = APIRouter(prefix="/api/runs/{run}")
    telling = Telling(lambda run: news(loop, dashboard, run))

    @routes.get("/news")
    async def listen(request: Request, run: RunName) -> StreamingResponse:
        telling.check_room()
        events = telling.told(run, request.is_disconnected, is_admin(request))
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    return routes
