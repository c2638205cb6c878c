"""Refusals before the application: a sentence in JSON, or as a page for whoever has typed an address."""

from __future__ import annotations

import html
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Active Labeler</title>
    <link rel="stylesheet" href="door/door.css">
  </head>
  <body><main><h1>Not this way</h1><p>{sentence}.</p></main></body>
</html>
"""


async def refuse(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    headers: dict[bytes, str],
    status: int,
    sentence: str,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Answers a request with a status and a sentence.

    Args:
        headers: of the request, names in lower case; a browser that shows the answer to a person gets a page.
        more: headers of the answer.
    """
    if "text/html" in headers.get(b"accept", ""):
        kind, body = b"text/html; charset=utf-8", _PAGE.format(sentence=html.escape(sentence)).encode()
    else:
        kind, body = b"application/json", json.dumps({"error": sentence}).encode()
    sent = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
