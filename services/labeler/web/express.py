"""The express lane: an exchange and a picture, which pages ask for all the time, go past the framework.

Routing, validation and answers of the framework take several times as long as what they are for. A request that is just as
a page sends it is answered here; whatever is unusual goes on to the application, which has the same two routes and says
what is wrong.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from pydantic import ValidationError

from services.labeler.pictures.display import media_type
from services.labeler.web.counter import LOOKS, MOST_ITEM, PICTURE_CACHING, Counter
from services.labeler.web.failures import body_of, status_and_sentence
from services.labeler.web.guard import App, Receive, Scope, Send
from services.labeler.web.messages import Sync

log = logging.getLogger(__name__)

_RUN = r"/api/runs/([A-Za-z0-9_][A-Za-z0-9._-]{0,99})"
_SYNC = re.compile(_RUN + "/sync")
_IMAGE = re.compile(_RUN + "/images/([0-9]{1,16})")
_QUERY = re.compile(rb"(?:v=[0-9a-f]{1,40})?(?:(?:^|&)size=(tile|screen|full))?(?:(?:^|&)levels=(auto)?)?")
_JSON = (b"content-type", b"application/json")
_CACHING = (b"cache-control", PICTURE_CACHING.encode())


class Express:
    """An ASGI application around another; it stands behind guard and gate.

    Args:
        app: the application with all routes.
        counter: does what the two of them do.
    """

    def __init__(self, app: App, counter: Counter) -> None:
        self._app, self._counter = app, counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the two requests, and passes on the others."""
        if scope["type"] == "http":
            path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
            if scope["method"] == "POST" and (found := _SYNC.fullmatch(path)):
                await self._sync(found[1], scope, receive, send)
                return
            if scope["method"] == "GET" and (found := _IMAGE.fullmatch(path)):
                query = _QUERY.fullmatch(scope.get("query_string", b""))
                item = int(found[2])
                if query is not None and item <= MOST_ITEM:
                    await self._image(found[1], item, query, send)
                    return
        await self._app(scope, receive, send)

    async def _sync(self, run: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = await receive()  # the guard has all of it
        try:
            visit = Sync.model_validate_json(request.get("body", b"")).visit()
        except ValidationError:
            await self._app(scope, _again(request, receive), send)
            return
        try:
            reply = await self._counter.exchange(run, visit)
        except Exception as error:
            await _refuse(send, error, run)
            return
        await _answer(send, 200, _as_json(reply), _JSON)

    async def _image(self, run: str, item: int, query: re.Match[bytes], send: Send) -> None:
        look = LOOKS[(query[1] or b"screen").decode(), (query[2] or b"").decode()]
        try:
            data = await self._counter.picture(run, item, look)
        except Exception as error:
            await _refuse(send, error, run)
            return
        await _answer(send, 200, data, (b"content-type", media_type(data).encode()), _CACHING)


def _as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _again(request: Any, receive: Receive) -> Receive:
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return request

    return again


async def _refuse(send: Send, error: Exception, run: str) -> None:
    status, sentence = status_and_sentence(error)
    if status == 500:
        log.error("a request failed", exc_info=error)
    await _answer(send, status, body_of(sentence, run), _JSON)


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    sized = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
