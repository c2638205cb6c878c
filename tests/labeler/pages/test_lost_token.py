"""A token that no longer holds takes no labels and no notes away: they wait in the browser until the door opens again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from tests.labeler.kit import Service, wait_for
from tests.labeler.pages.kit import POSITIVE, Run, settle

pytestmark = pytest.mark.browser


@pytest.fixture
def run(guarded_run: Run) -> Run:
    return guarded_run


@pytest.fixture
def admin(guarded: Service) -> str:
    return str(json.loads((guarded.folder / "labels" / "access.json").read_text())["admin"])


@pytest.fixture
def page(browser: Browser, guarded: Service, run: Run, admin: str) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.goto(f"{guarded.url}join#{admin}")
    opened.locator("#panel button, #panel a.run").first.wait_for()
    opened.goto(f"{guarded.url}#/run/{run.name}/label")
    opened.get_by_role("textbox").fill("Ann")
    opened.get_by_role("button", name="Start").click()
    opened.get_by_role("button", name="Skip the practice").click()
    settle(opened)
    yield opened
    context.close()


@contextmanager
def locked_out(page: Page) -> Iterator[None]:
    cookies = page.context.cookies()
    page.context.clear_cookies()
    yield
    page.context.add_cookies(cookies)


def test_a_label_given_in_browse_waits(run: Run, guarded: Service, page: Page) -> None:
    page.goto(f"{guarded.url}#/run/{run.name}/browse")
    page.locator(".window .tile img[src]").first.click()
    with locked_out(page):
        page.keyboard.press("y")
        page.get_by_text("1 label is kept in this browser").wait_for()
        page.get_by_text("open the link that you were given").wait_for()
        assert run.answers() == []
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    page.get_by_text("1 label is kept in this browser").wait_for(state="detached")


def test_a_flag_waits(run: Run, guarded: Service, page: Page, admin: str) -> None:
    def said() -> list[bool]:
        found = httpx.get(f"{guarded.url}api/runs/{run.name}/remarks", headers={"Authorization": f"Bearer {admin}"})
        return [remark["flag"] for remark in found.json()["remarks"]]

    with locked_out(page):
        page.keyboard.press("f")
        page.get_by_text("Kept in this browser until the labeler answers").wait_for()
    wait_for(lambda: said() == [True])
