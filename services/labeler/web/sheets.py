"""Many pictures in one answer, each as soon as it is there.

A sheet of images asked for one by one is forty requests, six at a time. Here it is one; and when the browser gives it up, because
the sheet has been scrolled away, what is not begun is not made.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from fastapi.responses import Response

from services.common.images import UnreadableImageError
from services.labeler.text import clean
from services.labeler.web.guard import Receive, Scope, Send

PICTURE, UNREADABLE, LATER = 0, 1, 2  # what follows: a picture, the reason why there never is one, or why not now
_HEAD = struct.Struct("<III")
_GONE = -1


class Sheet(Response):
    """An answer of frames: uint32 place in the request, uint32 kind, uint32 length, all little-endian, and so many bytes.

    Args:
        promised: a picture for each place.
        give_up: called once the answer has ended, in whatever way.
    """

    media_type = "application/octet-stream"

    def __init__(self, promised: Sequence[Future[Path]], give_up: Callable[[], None]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})  # else nginx would keep it until it is whole
        del self.headers["content-length"]
        self._promised, self._give_up = promised, give_up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the frames as the pictures come, until all are sent or the browser is gone."""
        done: asyncio.Queue[int] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(place: int) -> None:
            with contextlib.suppress(RuntimeError):  # the labeler stops
                loop.call_soon_threadsafe(done.put_nowait, place)

        leaving = asyncio.create_task(_left(receive, done))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for place, future in enumerate(self._promised):
                future.add_done_callback(lambda _, place=place: tell(place))  # type: ignore[misc]
            await self._send_all(done, send)
        finally:
            leaving.cancel()
            self._give_up()

    async def _send_all(self, done: asyncio.Queue[int], send: Send) -> None:
        left = len(self._promised)
        while left:
            places = [await done.get()]
            while not done.empty():
                places.append(done.get_nowait())
            if _GONE in places:
                return
            frames = await asyncio.to_thread(self._frames, places)
            left -= len(places)
            await send({"type": "http.response.body", "body": frames, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _frames(self, places: list[int]) -> bytes:
        return b"".join(_frame(place, self._promised[place]) for place in places)


def _frame(place: int, future: Future[Path]) -> bytes:
    try:
        kind, content = PICTURE, future.result(0).read_bytes()
    except UnreadableImageError as error:
        kind, content = UNREADABLE, clean(str(error), 500).encode("utf-8", "replace")
    except Exception as error:  # the disk is full, or the cache was trimmed at this very moment
        kind, content = LATER, clean(str(error), 500).encode("utf-8", "replace")
    return _HEAD.pack(place, kind, len(content)) + content


async def _left(receive: Receive, done: asyncio.Queue[int]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    done.put_nowait(_GONE)
