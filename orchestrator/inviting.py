"""Telling people that images wait for them."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import webbrowser
from urllib.parse import urlsplit

from orchestrator.clients.labeler import Links
from orchestrator.run import Run
from orchestrator.sharing import described


def invite(run: Run, waiting: int) -> None:
    """Tells where the page is; the first time it opens it where there is a browser, or else says how to get there."""
    if not run.board.page:
        return
    links = run.clients.labeler.links()
    run.reporter.invite(f"{waiting} images wait for you at {links.admin}")
    if not run.invited:
        _first(run, links)
    run.invited = True


def _first(run: Run, links: Links) -> None:
    if not links.is_open and not links.local:
        run.reporter.invite(described(links))
    if not run.owns_page:  # a labeler on its own, perhaps in a container
        return
    if run.settings.labeling.open_browser and has_browser():
        webbrowser.open(links.admin)
    elif links.local:
        run.reporter.invite(f"From another computer: `{tunnel(links.page)}`, and then the same address there")


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
