"""The door: whoever has no token gets no further, and annotators do not steer the loop.

A token comes as a cookie, which the page of the join link asks for, or as ``Authorization: Bearer``.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from services.labeler.access import Access, Role
from services.labeler.links import LinkMaker
from services.labeler.web.guard import App, Receive, Scope, Send, headers_of
from services.labeler.web.refusals import refuse

# What annotators may ask of a run: the last parts of the addresses. Of answers they get their own, of people nothing.
ANNOTATORS_GET = frozenset({"asks", "dashboard", "examples", "items", "labels", "loop", "mine", "news"})
ANNOTATORS_POST = frozenset({"marks", "pictures", "remarks", "sync", "tiles"})
_UNKNOWN = (
    "this labeler lets in whoever has its link: open the link that you were given, or ask for one;"
    " who runs the labeler gets it from `active-labeler link`"
)
_STEERING = "annotators may label, and this takes an admin: open the admin link that `active-labeler link` prints"


class Gate:
    """An ASGI application around another; it stands behind the guard.

    Args:
        app: what is behind the door; it finds the role in ``scope["state"]["role"]``.
        access: the tokens.
        links: hears at which address admins come in.
    """

    def __init__(self, app: App, access: Access, links: LinkMaker) -> None:
        self._app, self._access, self._links = app, access, links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it: 401 without a token, 403 for what an annotator may not do."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = _path(scope), scope["method"]
        headers = headers_of(scope)
        role = Role.ADMIN if self._access.is_open else self._role(headers)
        if role is None and not _is_public(path):
            await self._ask(path, headers, scope, receive, send)
            return
        if role is Role.ANNOTATOR and not _may(path, method):
            await refuse(send, headers, 403, _STEERING)
            return
        if role is Role.ADMIN:
            self._links.saw(scope.get("scheme", "http"), headers.get(b"host", ""))
        scope["state"] = {**scope.get("state", {}), "role": role}
        await self._app(scope, receive, send)

    async def _ask(self, path: str, headers: dict[bytes, str], scope: Scope, receive: Receive, send: Send) -> None:
        if path == "/" and scope["method"] in ("GET", "HEAD"):  # the page at the door instead of the page
            scope["path"], scope["raw_path"] = _prefix(scope) + "/join", b"/join"
            await self._app(scope, receive, _with_status(send, 401))
            return
        await refuse(send, headers, 401, _UNKNOWN, ((b"www-authenticate", b"Bearer"),))

    def _role(self, headers: dict[bytes, str]) -> Role | None:
        kind, _, token = headers.get(b"authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._access.role_of(token.strip())
        try:
            cookies = SimpleCookie(headers.get(b"cookie", ""))
        except CookieError:
            return None
        return self._access.role_of(cookies[self._access.cookie].value) if self._access.cookie in cookies else None


def _prefix(scope: Scope) -> str:
    return str(scope.get("root_path", ""))


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(_prefix(scope))


def _is_public(path: str) -> bool:
    return path == "/join" or path.startswith(("/door/", "/static/"))


def _may(path: str, method: str) -> bool:
    """Whether an annotator may: what is not named is the admins'."""
    api, _, rest = path.lstrip("/").partition("/")
    looks = method in ("GET", "HEAD")
    if api != "api":
        return looks or path == "/join"
    runs, _, rest = rest.partition("/")
    _, *what = rest.split("/")
    if runs != "runs" or not what:
        return looks and path in ("/api/me", "/api/runs")
    if len(what) > 1:
        return looks and what[0] == "images"
    return what[0] in (ANNOTATORS_GET if looks else ANNOTATORS_POST)


def _with_status(send: Send, status: int) -> Send:
    async def other(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "status": status}
        await send(message)

    return other  # type: ignore[return-value]
