"""Labels given in several tabs of one browser, and in tabs that were closed: each arrives, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import NEGATIVE, POSITIVE, Run, look

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser
_KEYS = "Object.keys(localStorage).filter((key) => /:(marks|settle):/.test(key))"


def another(run: Run, context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{run.service.url}#/run/r/browse")
    return page


def say(page: Page, place: int, key: str) -> None:
    page.locator(f".window .tile[data-place='{place}'] img[src]").click()
    page.keyboard.press(key)


def test_two_tabs_answer_beside_each_other(led_run: Run) -> None:
    first = look(led_run, "browse")
    say(first, 0, "y")
    wait_for(lambda: led_run.answers() == [(0, POSITIVE)])
    second = another(led_run, first.context)
    for page, place in ((first, 1), (second, 2), (first, 3), (second, 4)):
        say(page, place, "y")
        wait_for(lambda so_far=place + 1: len(led_run.answers()) == so_far)
    assert led_run.answers() == [(place, POSITIVE) for place in range(5)]


def test_what_waits_in_a_tab_that_was_closed_is_sent_by_the_next(led_run: Run) -> None:
    first = look(led_run, "browse")
    context = first.context
    context.route("**/marks", lambda route: route.abort())
    say(first, 5, "n")
    first.get_by_text("1 label is kept in this browser").wait_for()
    first.close()
    context.unroute("**/marks")
    second = another(led_run, context)
    wait_for(lambda: led_run.answers() == [(5, NEGATIVE)])
    wait_for(lambda: second.evaluate(_KEYS) == [])


def test_what_waits_in_a_tab_that_is_open_arrives_once(led_run: Run) -> None:
    first = look(led_run, "browse")
    first.route("**/marks", lambda route: route.abort())
    say(first, 5, "n")
    first.get_by_text("1 label is kept in this browser").wait_for()
    second = another(led_run, first.context)
    wait_for(lambda: led_run.answers() == [(5, NEGATIVE)])
    first.unroute("**/marks")
    first.get_by_text("1 label is kept in this browser").wait_for(state="detached")
    say(second, 6, "y")
    wait_for(lambda: led_run.answers() == [(5, NEGATIVE), (6, POSITIVE)])


def test_what_an_older_page_has_left_is_sent(led_run: Run) -> None:
    """Earlier versions kept the labels of all tabs in one place, with one name and one row of numbers."""
    page = led_run.open()
    page.evaluate(
        """() => localStorage.setItem(`active-labeler:${location.pathname}:marks:r`, JSON.stringify({
          client: "oldpage0123456789", next: 8, waiting: [{ sequence: 7, item: 9, answer: "positive", round: 0 }],
        }))"""
    )
    page.goto(f"{led_run.service.url}#/run/r/browse")
    wait_for(lambda: led_run.answers() == [(9, POSITIVE)])
    wait_for(lambda: page.evaluate("Object.keys(localStorage).filter((key) => key.endsWith(':marks:r'))") == [])
