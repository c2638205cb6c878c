"""Telling people that images wait for them."""

from __future__ import annotations

import webbrowser

from orchestrator.run import Run


def invite(run: Run, waiting: int) -> None:
    """Tells where the page is; opens it the first time, where that is wanted."""
    page = run.board.page
    if page:
        run.reporter.invite(f"{waiting} images wait for you at {page}")
    if page and run.settings.labeling.open_browser and not run.invited:
        webbrowser.open(page)
    run.invited = True
