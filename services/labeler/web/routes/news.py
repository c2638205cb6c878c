"""Where a run stands, told whenever it changes: server-sent events for the dashboard."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse

from protos.errors import ActiveLabelerError
from services.labeler.loop import Loop
from services.labeler.text import clean

RunName = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]
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


async def told(look: Callable[[], dict[str, Any]], gone: Callable[[], Any]) -> AsyncIterator[str]:
    """What ``look`` says, as events, each time it says something else.

    Args:
        gone: awaited; whether nobody listens any more.
    """
    said, heard = "", time.monotonic()
    while not await gone():
        words = json.dumps(await asyncio.to_thread(look))
        if words != said:
            said, heard = words, time.monotonic()
            yield f"data: {words}\n\n"
        elif time.monotonic() - heard >= _BEAT_S:
            heard = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_EVERY_S)


def router(loop: Loop, dashboard: Callable[[str], dict[str, Any]]) -> APIRouter:
    """The route over a loop and what draws its dashboard."""
    routes = APIRouter(prefix="/api/runs/{run}")

    @routes.get("/news")
    async def listen(request: Request, run: RunName) -> StreamingResponse:
        events = told(lambda: news(loop, dashboard, run), request.is_disconnected)
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    return routes
