"""An image of a sheet, a grid or a search, large, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import paint, publish_names, wait_for
from tests.labeler.pages.kit import HOSTILE, NEGATIVE, PHONE, POSITIVE, ROWS, Run, loaded, look, tap_twice
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
SCALE = "() => new DOMMatrix(getComputedStyle(document.querySelector('.large img')).transform).a"


@pytest.fixture
def run(led_run: Run) -> Run:
    return led_run


def shows(page: Page, item: int, size: str = "") -> None:
    """Until the picture of an item is large on the screen."""
    page.wait_for_function(
        "([item, size]) => { const i = document.querySelector('.large img');"
        " return i !== null && i.complete && i.naturalWidth > 0 && i.src.includes(`/images/${item}?`) && i.src.includes(size)"
        " && !i.src.includes('size=tile'); }",
        arg=[item, size],
    )


def test_browse_opens_an_image_by_key_and_leafs_through_the_sheet(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_text(f"{ROWS} images").wait_for()
    page.get_by_role("button", name="04.png").focus()
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog")
    shows(page, 4)
    large.get_by_text("5 of 60 · no answer").wait_for()
    page.keyboard.press("ArrowRight")
    large.get_by_role("heading", name="05.png").wait_for()
    page.keyboard.press("y")
    large.get_by_text("6 of 60 · yes").wait_for()
    wait_for(lambda: run.answers() == [(5, POSITIVE)])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    large.get_by_role("heading", name="03.png").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.dataset.place === '3'")  # where one has leafed to
    assert large.count() == 0
    assert page.locator(".tile.positive").count() == 1
    assert run.errors == []


def test_it_is_enlarged_moved_and_brightened_by_keys_wheel_and_button(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_role("button", name="04.png").dblclick()
    shows(page, 4)
    page.keyboard.press("+")
    shows(page, 4, "size=full")
    assert page.evaluate(SCALE) == pytest.approx(1.5)
    before = page.locator(".large img").bounding_box()["x"]
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".large img").bounding_box()["x"] == pytest.approx(before - 80, abs=1)
    page.get_by_role("dialog").get_by_role("heading", name="04.png").wait_for()  # Shift and an arrow turn nothing
    page.locator(".large .stage").hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"({SCALE})() > 3")
    page.get_by_role("button", name="Brighten").click()
    shows(page, 4, "levels=auto")
    page.keyboard.press("0")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.large img')).transform === 'none'")
    page.keyboard.press("End")
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert run.errors == []


def test_the_ends_are_said_and_names_are_text(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_role("button", name="00.png").click()
    page.get_by_role("button", name="Look closely").click()
    shows(page, 0)
    page.keyboard.press("ArrowLeft")
    page.get_by_text("This is the first image").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("Order").select_option("highest")
    page.wait_for_function("() => document.querySelector('.tile')?.title.startsWith('<img')")
    page.get_by_role("button", name=HOSTILE).focus()
    page.keyboard.press("o")
    page.get_by_role("heading", name=HOSTILE).wait_for()
    assert page.locator(".large img").count() == 1
    page.keyboard.press("m")
    page.wait_for_url(f"**/run/r/seed/{ROWS - 1}")
    page.get_by_role("dialog").wait_for(state="detached")
    assert run.errors == []


def test_a_page_that_is_left_takes_it_along(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_role("button", name="00.png").dblclick()
    shows(page, 0)
    page.evaluate("location.hash = '#/run/r/grid'")
    page.get_by_role("heading", name="untouched means no").wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert run.errors == []


def test_in_the_grid_the_odd_one_is_marked_in_the_large_view(run: Run) -> None:
    page = look(run, "grid")
    loaded(page, 6)
    page.keyboard.press("o")
    shows(page, 0)
    page.get_by_role("dialog").get_by_text("1 of 24 · no").wait_for()
    assert page.get_by_role("dialog").get_by_role("button", name="Unsure").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("y")
    page.get_by_role("dialog").get_by_text("2 of 24 · yes").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".tile.odd").count() == 1
    page.keyboard.press("Enter")
    wait_for(lambda: len(run.answers()) > 3)
    assert run.answers()[:3] == [(0, NEGATIVE), (1, POSITIVE), (2, NEGATIVE)]
    assert run.errors == []


def test_on_a_phone_two_taps_open_it_and_swipes_leaf_through(run: Run, control: kit.Control) -> None:
    page = look(run, "seed/5", **PHONE)
    loaded(page, 5)
    tile = page.get_by_role("button", name="04.png")
    tap_twice(page, tile)
    shows(page, 4)
    assert page.locator(".tile.odd").count() == 0  # tapped twice is not tapped
    assert page.locator(".large .stage").bounding_box()["height"] >= 0.6 * 844
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fling(page, -200)
    shows(page, 6)
    fling(page, 200)
    shows(page, 4)
    page.get_by_role("button", name="✕ No").tap()
    page.get_by_text("2 of 5 · no").wait_for()
    page.get_by_role("button", name="Close", exact=True).tap()
    assert page.locator(".tile.odd").count() == 1
    assert run.errors == []


def fling(page: Page, dx: float) -> None:
    """A finger over the image, sideways."""
    touch = page.context.new_cdp_session(page)
    for kind, x in [("touchStart", 195.0), *(("touchMove", 195 + dx * step / 5) for step in range(1, 6))]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": 400}]})
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)  # let go while it moves, the browser takes the next tap for a hand that stops it
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    touch.detach()


def test_a_window_says_where_in_its_scene_it_lies_and_a_broken_one_says_why(
    runs: Callable[..., Run], tmp_path: Path
) -> None:
    paint(tmp_path / "data", ["scene.png", "z.png"], (300, 200))
    (tmp_path / "data" / "z.png").write_bytes(b"no image")
    run = runs(data=tmp_path / "data")
    store_names = ["scene.png#50,20,100,80", "z.png"]
    catalog = publish_names(ArtifactStore(run.service.folder / "artifacts"), tmp_path / "data", store_names)
    run.service.open_run(catalog, run=f"{run.name}w", batch_size=10)
    run.service.offer([0], run=f"{run.name}w")
    run.name += "w"
    page = run.open()
    page.goto(f"{run.service.url}#/run/{run.name}/browse")
    page.locator(".tile").first.dblclick()
    page.get_by_text("in scene.png: 50 px from the left, 20 px from the top, 100 × 80 px").wait_for()
    shows(page, 0)
    assert page.locator(".large img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [100, 80]
    page.keyboard.press("ArrowRight")
    page.get_by_role("dialog").get_by_text("no image of a known format").wait_for()
    assert run.errors == [] or all("422" in error for error in run.errors)
