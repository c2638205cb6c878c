"""Answers of before: a page that is opened again goes on where it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import (
    NEGATIVE,
    PHONE,
    POSITIVE,
    RETRACTED,
    UNSURE,
    Run,
    loaded,
    look,
    press,
    settle,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def again(run: Run, page: Page) -> Page:
    """The same person in a new tab of the same browser, the other one closed."""
    made, address = page.context.new_page(), page.url
    page.close()
    made.set_default_timeout(15_000)
    made.goto(address)
    settle(made)
    return made


def strip(page: Page) -> list[str]:
    return [str(thumb.get_attribute("title"))[:6] for thumb in page.locator("#strip .thumb").all()]


def test_strip_and_undo_go_on_after_a_reload(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown")
    wait_for(lambda: len(run.answers()) == 3)
    page.reload()
    settle(page)
    page.wait_for_function("document.querySelectorAll('#strip .thumb').length === 3")
    assert strip(page) == ["02.png", "01.png", "00.png"]
    press(page, "u", "u")
    assert shown(page) == 1
    press(page, "ArrowRight", "ArrowRight")
    wait_for(lambda: run.answers()[3:] == [(2, RETRACTED), (1, RETRACTED), (1, POSITIVE), (2, POSITIVE)])
    assert strip(page) == ["02.png", "01.png", "00.png"] and run.errors == []


def test_a_tab_that_is_opened_anew_jumps_back_into_the_strip(run: Run) -> None:
    run.offer()
    page = run.open(viewport={"width": 1280, "height": 860})  # lower ones have no room for the strip
    press(page, "ArrowRight", "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 2)
    page = again(run, page)
    page.wait_for_function("document.querySelectorAll('#strip .thumb').length === 2")
    page.get_by_role("button", name="00.png, answered positive: look again").click()
    settle(page)
    assert shown(page) == 0
    press(page, "ArrowDown")
    wait_for(lambda: run.answers()[2:] == [(0, RETRACTED), (0, UNSURE)])


def test_answers_of_others_are_nobody_s_past(run: Run) -> None:
    run.offer()
    ann = run.open("Ann")
    press(ann, "ArrowRight", "ArrowRight")
    wait_for(lambda: len(run.answers()) == 2)
    bob = run.open("Bob")
    press(bob, "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 3)
    bob.reload()
    settle(bob)
    bob.wait_for_function("document.querySelectorAll('#strip .thumb').length === 1")
    press(bob, "u")
    wait_for(lambda: [said for _, said in run.answers()[3:]] == [RETRACTED])
    bob.keyboard.press("u")
    bob.get_by_text("There is nothing to take back").wait_for()
    assert len(run.answers()) == 4


def test_whoever_has_no_name_is_known_by_the_browser_alone(run: Run) -> None:
    run.offer()
    page = run.open("")
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    other = run.open("")
    press(other, "u")
    other.get_by_text("There is nothing to take back").wait_for()
    page.reload()
    settle(page)
    page.wait_for_function("document.querySelectorAll('#strip .thumb').length === 1")
    press(page, "u")
    wait_for(lambda: run.answers()[1:] == [(0, RETRACTED)])


def test_what_somebody_else_has_answered_since_stays(run: Run) -> None:
    run.offer()
    page = run.open("Ann")
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    late = {
        "client": "b" * 16,
        "annotator": "Bob",
        "events": [{"sequence": 1, "item": 0, "round": 1, "answer": "negative"}],
    }
    assert httpx.post(f"{run.service.url}api/runs/{run.name}/sync", json=late).json()["saved"] == [1]
    page.reload()
    settle(page)
    page.wait_for_function("document.querySelectorAll('#strip .thumb').length === 1")
    press(page, "u")
    page.get_by_text("their answer stands").wait_for()
    assert run.answers() == [(0, POSITIVE), (0, NEGATIVE)]


def test_all_answers_are_a_way_back_a_page_at_a_time(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", [f"{n:03}.png" for n in range(150)], (20, 15))
    run = runs(data=tmp_path / "data")
    run.offer(150)
    events = [{"sequence": n, "item": n, "round": 1, "answer": "positive"} for n in range(140)]
    said = {"client": "c" * 16, "annotator": "Ann", "events": events}
    assert httpx.post(f"{run.service.url}api/runs/{run.name}/sync", json=said).status_code == 200
    page = run.open()
    page.wait_for_function("document.querySelectorAll('#strip .thumb').length === 16")
    page.keyboard.press("b")
    for many in (60, 120, 140):
        page.locator(".review .thumb").nth(many - 1).wait_for()
        assert page.locator(".review .thumb").count() == many
        if many < 140:
            page.get_by_role("button", name="Show earlier ones").click()
    assert page.get_by_role("button", name="Show earlier ones").count() == 0
    page.get_by_role("button", name="000.png, answered positive").click()
    settle(page)
    assert page.locator("#caption").inner_text() == "000.png"
    wait_for(lambda: run.answers()[140:] == [(0, RETRACTED)])


def film(page: Page) -> list[str]:
    return [str(thumb.get_attribute("title"))[:6] for thumb in page.locator("#film .thumb").all()]


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_what_was_found_drops_into_a_film(run: Run, context: dict[str, Any]) -> None:
    run.offer()
    page = run.open(**{"viewport": {"width": 1000, "height": 900}, **context})
    place = page.locator("#stage").bounding_box()
    press(page, "ArrowRight", "ArrowLeft", "ArrowRight", "ArrowDown")
    expect(page.locator("#film .thumb")).to_have_count(2)
    assert film(page) == ["02.png", "00.png"]
    assert page.locator("#stage").bounding_box() == place  # nothing has moved
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wait_for(lambda: len(run.answers()) == 4)
    page.get_by_role("button", name="00.png, found: look again").click()
    settle(page)
    assert shown(page) == 0
    expect(page.locator("#film .thumb")).to_have_count(1)
    press(page, "ArrowLeft")
    wait_for(lambda: run.answers()[4:] == [(0, RETRACTED), (0, NEGATIVE)])
    assert film(page) == ["02.png"]
    assert run.errors == []


def test_what_was_found_long_ago_is_in_the_film_and_leaves_it(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", [f"{n:03}.png" for n in range(150)], (20, 15))
    run = runs(data=tmp_path / "data")
    run.offer(150)
    said = [{"sequence": n, "item": n, "round": 1, "answer": "negative" if n > 20 else "positive"} for n in range(140)]
    body = {"client": "c" * 16, "annotator": "Ann", "events": said}
    assert httpx.post(f"{run.service.url}api/runs/{run.name}/sync", json=body).status_code == 200
    page = run.open(viewport={"width": 1600, "height": 900})
    expect(page.locator("#film .thumb")).to_have_count(16)
    assert film(page) == [f"{n:03}.pn" for n in range(20, 4, -1)]
    press(page, "ArrowRight")
    expect(page.locator("#film .thumb").first).to_have_attribute("title", "140.png: look again")
    assert film(page)[1:] == [f"{n:03}.pn" for n in range(20, 5, -1)]
    page.get_by_role("button", name="019.png, found: look again").click()
    settle(page)
    assert page.locator("#caption").inner_text() == "019.png"
    assert "019.pn" not in film(page)
    press(page, "ArrowLeft")
    wait_for(lambda: run.answers()[-1] == (19, NEGATIVE))
    assert "019.pn" not in film(page)


def test_a_page_of_the_grid_is_taken_back_after_a_reload(led_run: Run) -> None:
    page = look(led_run, "grid")
    undo = page.get_by_role("button", name="Take the last page back")
    loaded(page, 8)
    expect(undo).to_be_disabled()
    page.keyboard.press("Enter")
    wait_for(lambda: len(led_run.answers()) > 2)
    expect(undo).to_be_enabled()
    given = [item for item, _ in led_run.answers()]
    with httpx.Client(base_url=led_run.service.url, timeout=20) as web:  # somebody corrects one meanwhile
        said = {
            "client": "b" * 12,
            "annotator": "Ann",
            "events": [{"sequence": 1, "item": given[1], "answer": "positive"}],
        }
        assert web.post("api/runs/r/marks", json=said).status_code == 200
    page.reload()
    expect(undo).to_be_enabled()
    page.goto(f"{led_run.service.url}#/run/r/seed")
    page.get_by_role("searchbox").wait_for()
    expect(undo).to_be_disabled()  # a page of another kind
    page.goto(f"{led_run.service.url}#/run/r/grid")
    undo.click()
    page.get_by_text(f"{len(given) - 1} labels taken back; 1 had changed since, and stay").wait_for()
    rest = [item for item in given if item != given[1]]
    wait_for(lambda: led_run.answers()[len(given) + 1 :] == [(item, RETRACTED) for item in rest])
    expect(undo).to_be_disabled()
    page.reload()
    loaded(page, 8)
    expect(undo).to_be_disabled()
    assert led_run.errors == []


def test_a_page_whose_answers_still_wait_in_the_browser_is_taken_back_whole(led_run: Run) -> None:
    page = look(led_run, "grid")
    undo = page.get_by_role("button", name="Take the last page back")
    loaded(page, 8)
    page.route("**/api/runs/r/marks", lambda route: route.fulfill(status=503, json={"error": "busy"}))
    page.keyboard.press("Enter")
    kept = page.get_by_text("labels are kept in this browser: busy").inner_text()
    many = int(kept.split()[0])
    expect(undo).to_be_enabled()
    undo.click()
    page.get_by_text(f"{many} labels taken back").wait_for()
    assert led_run.answers() == []
    page.unroute("**/api/runs/r/marks")
    wait_for(lambda: len(led_run.answers()) == 2 * many)
    given, taken = led_run.answers()[:many], led_run.answers()[many:]
    assert taken == [(item, RETRACTED) for item, _ in given]
