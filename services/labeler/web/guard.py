"""What every request has to pass, and what every answer carries.

A page on this machine is within reach of every web site that its user visits: the Host header is checked against DNS
rebinding, the Origin of what changes something against requests from other sites, and bodies are small.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from services.labeler.web.refusals import refuse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 64 * 1024
_BODY_SECONDS = 15.0
_READ = "active_labeler.headers"
_ISOLATING = (b"cross-origin-opener-policy", b"same-origin")


class Guard:
    """An ASGI application around another.

    Args:
        app: what is guarded.
        names: under which the page is reached, beyond localhost and addresses of numbers; ".example.org" stands for all
            names below it, "*" for every name.
        place: "name" or "name:port" that the page has for people behind a proxy.
        frame_ancestors: addresses of pages that may show this one in a frame, notebooks for example.
        numbers: whether addresses of numbers beyond this machine are names of the page.
    """

    def __init__(
        self,
        app: App,
        names: tuple[str, ...] = (),
        place: str = "",
        frame_ancestors: tuple[str, ...] = (),
        numbers: bool = True,
    ) -> None:
        self._numbers = numbers
        self._app = app
        self._names = tuple(name.lower() for name in names)
        self._place = place.lower()
        self._headers = _headers(frame_ancestors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a bad request itself, and passes on the others."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        dressed = self._dressed(scope, headers, send)
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await refuse(dressed, headers, *refusal)
            return
        if scope["method"] == "GET" and not (b"content-length" in headers or b"transfer-encoding" in headers):
            await self._app(scope, receive, dressed)  # no body
            return
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            await refuse(dressed, headers, 408, "the request did not arrive in time; send it again")
            return
        if body is None:
            await refuse(dressed, headers, 413, f"a request may have {MOST_BYTES} bytes; send less at a time")
            return
        await self._app(scope, _replay(body, receive), dressed)

    def _refusal(self, method: str, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if not self._knows(_name(host)):
            return 421, (
                f"this labeler is not reached as {_name(host)[:100]!r}: add the name to ACTIVE_LABELER_ALLOWED_HOSTS"
                " where it is started"
            )
        if method in ("GET", "HEAD"):
            return None
        if not self._is_own_origin(host, headers):
            return 403, (
                f"the request comes from another web site, {headers.get(b'origin', 'unknown')[:100]}: if people reach this page"
                " there, add the name to ACTIVE_LABELER_ALLOWED_HOSTS where the labeler is started"
            )
        if headers.get(b"content-type", "").split(";")[0].strip().lower() != "application/json":
            return 415, "the request is no application/json"
        return None

    def _knows(self, name: str) -> bool:
        # An address of numbers cannot be rebound: no other site is ever called so.
        local = name in ("127.0.0.1", "localhost") or _is_number(name, self._numbers)
        return local or "*" in self._names or name == _name(self._place) or self._is_listed(name)

    def _is_listed(self, name: str) -> bool:
        return any(known == name or (known.startswith(".") and name.endswith(known)) for known in self._names)

    def _is_own_origin(self, host: str, headers: dict[bytes, str]) -> bool:
        origin = headers.get(b"origin")
        if origin is None:  # no browser, or one that says so otherwise
            return headers.get(b"sec-fetch-site", "none") in ("same-origin", "none")
        try:
            place = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        # Behind a proxy the Host header may be the inner one; then the outer name has to be known.
        return bool(place) and (place in (host.lower(), self._place) or self._is_listed(_name(place)))

    def _dressed(self, scope: Scope, headers: dict[bytes, str], send: Send) -> Send:
        isolating = [_ISOLATING] if _is_trustworthy(scope, headers) else []
        caching = b"no-cache" if scope["path"].endswith(("/", ".html", ".css", ".js", ".svg")) else b"no-store"

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                own = [] if b"cache-control" in present else [(b"cache-control", caching)]
                message = {**message, "headers": [*message.get("headers", ()), *self._headers, *isolating, *own]}
            await send(message)

        return dressed


def headers_of(scope: Scope) -> dict[bytes, str]:
    """The headers of a request by their names in lower case; read once for all who ask."""
    found: dict[bytes, str] | None = scope.get(_READ)
    if found is None:
        found = scope[_READ] = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return found


def _headers(frame_ancestors: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    frames = " ".join(("'self'", *frame_ancestors))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
        f" base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
    )
    return [
        (b"content-security-policy", policy.encode("latin-1", "ignore")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    ]


def _is_trustworthy(scope: Scope, headers: dict[bytes, str]) -> bool:
    """Whether a browser heeds what isolates a page; over plain http from elsewhere it only complains about it."""
    name = _name(headers.get(b"host", ""))
    safe = "https" in (scope.get("scheme"), headers.get(b"x-forwarded-proto", "").partition(",")[0].strip().lower())
    return safe or name == "localhost" or name.endswith(".localhost") or _is_number(name, anywhere=False)


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0].rstrip(".")


def _is_number(name: str, anywhere: bool) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback or anywhere
    except ValueError:
        return False


async def _body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the browser is gone
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay
