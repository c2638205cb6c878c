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


def announce(run: Run) -> None:
    """Tells where the page of a run is before there is anything to label: embedding may take long."""
    if not run.board.page or run.replaying:
        return
    links = run.clients.labeler.links()
    run.reporter.invite(f"The page is at {_place(links)}: how far the run is, its questions, and soon the images")
    _tell_ways(run.reporter, links, run.settings.labeling.open_browser, run.owns_page)


def invite(run: Run, waiting: int) -> None:
    """Tells that images wait on the page of a run, and opens it the first time where there is a browser."""
    if not run.board.page:
        return
    links = run.clients.labeler.links()
    run.reporter.invite(_waiting(waiting, links))
    if not run.invited and run.owns_page and run.settings.labeling.open_browser and has_browser():
        webbrowser.open(links.admin)
    run.invited = True


def greet(reporter: Reporter, links: Links, waiting: int, opens: bool) -> None:
    """Tells where the page of a labeler of this machine is, and opens it where there is a browser, or else says how to get there.

    Args:
        opens: whether somebody wants it opened.
    """
    reporter.invite(_waiting(waiting, links))
    _tell_ways(reporter, links, opens, is_here=True)
    if opens and has_browser():
        webbrowser.open(links.admin)


def _tell_ways(reporter: Reporter, links: Links, opens: bool, is_here: bool) -> None:
    """How others get to the page, or somebody who sits at another computer.

    Args:
        is_here: the labeler is on this machine, and not perhaps in a container.
    """
    if not links.is_open and not links.local:
        reporter.invite(described(links))
    if is_here and links.local and not (opens and has_browser()):
        reporter.invite(f"From another computer: `{tunnel(links.page)}`, and then the same address there")


def _waiting(waiting: int, links: Links) -> str:
    """How many wait, and where."""
    images = "1 image waits" if waiting == 1 else f"{waiting} images wait"
    return f"{images} for you at {_place(links)}"


def _place(links: Links) -> str:
    """The address to open; a link that others must not see stands apart, and once."""
    return links.admin if links.is_open or links.local else links.page


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
