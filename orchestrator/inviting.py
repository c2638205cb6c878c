"""Telling people that images wait for them."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import webbrowser
from urllib.parse import urlsplit

from orchestrator.clients.labeler import Links
from orchestrator.reporting import Reporter
from orchestrator.run import Run
from orchestrator.sharing import described


def invite(run: Run, waiting: int) -> None:
    """Tells where the page of a run is, the first time in full."""
    if not run.board.page:
        return
    links = run.clients.labeler.links()
    if run.invited:
        run.reporter.invite(_waiting(waiting, links))
    else:
        opens = run.settings.labeling.open_browser
        greet(run.reporter, links, waiting, opens=opens, is_here=run.owns_page)
    run.invited = True


def greet(reporter: Reporter, links: Links, waiting: int, opens: bool, is_here: bool = True) -> None:
    """Tells where the page is, and opens it where there is a browser, or else says how to get there.

    Args:
        opens: whether somebody wants it opened.
        is_here: the labeler is on this machine, and not perhaps in a container.
    """
    reporter.invite(_waiting(waiting, links))
    if not links.is_open and not links.local:
        reporter.invite(described(links))
    if not is_here:
        return
    if opens and has_browser():
        webbrowser.open(links.admin)
    elif links.local:
        reporter.invite(f"From another computer: `{tunnel(links.page)}`, and then the same address there")


def _waiting(waiting: int, links: Links) -> str:
    """How many wait, and where; a link that others must not see stands apart, and once."""
    images = "1 image waits" if waiting == 1 else f"{waiting} images wait"
    return f"{images} for you at {links.admin if links.is_open or links.local else links.page}"


def has_browser() -> bool:
    """Whether somebody sits at this machine, with a window for a browser."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def tunnel(page: str) -> str:
    """The command that brings a page of this machine to another computer."""
    place = urlsplit(page)
    # ssh itself says by which address the other computer has reached us.
    reached = os.environ.get("SSH_CONNECTION", "").split()[2:3]
    return (
        f"ssh -L {place.port}:{place.hostname}:{place.port} {_user()}@{reached[0] if reached else socket.gethostname()}"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return "USER"
