"""The addresses that people get: where the page is, and the links that let them in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.labeler.access import Access, Role


@dataclass(frozen=True)
class Links:
    """Addresses of the page.

    Attributes:
        page: without a token.
        admin, annotator: with one; the page itself where nobody is asked for a token.
        is_local: whether only this machine reaches it.
    """

    page: str
    admin: str
    annotator: str
    is_local: bool


class LinkMaker:
    """Makes links.

    Args:
        access: the tokens.
        given: address of the page as somebody has set it; empty: nobody has.
        own: the address that the labeler thinks the page has: this machine's in its network where it listens there.
    """

    def __init__(self, access: Access, given: str, own: str) -> None:
        self._access, self._given, self._own = access, _slashed(given), own
        self._seen = ""
        self._last = "", ""

    def saw(self, scheme: str, host: str) -> None:
        """An admin has come in at this address: so it works."""
        if (scheme, host) == self._last:
            return
        self._last = scheme, host
        seen = f"{scheme}://{host}/"
        if not is_local(seen):
            self._seen = seen

    def links(self) -> Links:
        """The links: what was set, else the address that an admin's browser used, else our own; local ones come last."""
        candidates = [place for place in (self._given, self._seen) if place and not is_local(place)]
        page = candidates[0] if candidates else self._given or self._own
        return Links(page, self._link(page, Role.ADMIN), self._link(page, Role.ANNOTATOR), is_local(page))

    def _link(self, page: str, role: Role) -> str:
        # Behind the '#', a token is sent to no server and stands in no log.
        return page if self._access.is_open else f"{page}join#{self._access.tokens[role]}"


def is_local(url: str) -> bool:
    """Whether an address means this machine alone."""
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return True
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _slashed(url: str) -> str:
    return url if not url or url.endswith("/") else f"{url}/"
