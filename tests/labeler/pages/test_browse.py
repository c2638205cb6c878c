"""The pictures of the sheet of all images, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.labeler.kit import paint
from tests.labeler.pages.kit import FILLED, PHONE, Run

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser
MANY = 400
COLOURS = """() => [...document.querySelectorAll(".window .tile")].map((tile) => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  context.drawImage(tile.firstChild, 0, 0);
  return [tile.title, [...context.getImageData(5, 5, 1, 1).data].slice(0, 3)];
})"""


@pytest.fixture
def many(runs: Callable[..., Run], tmp_path: Path) -> Run:
    paint(tmp_path / "data", [f"{n:03}.png" for n in range(MANY)])
    made = runs(data=tmp_path / "data")
    made.offer()
    return made


def browse(run: Run, **context: object) -> tuple[Page, list[str]]:
    page = run.open(**context)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{run.service.url}#/run/{run.name}/browse")
    page.get_by_text("images", exact=False).first.wait_for()
    return page, asked


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_each_tile_shows_its_own_image_and_many_come_at_once(many: Run, context: dict[str, object]) -> None:
    page, asked = browse(many, **context)
    page.wait_for_function(FILLED)
    for way in (0.5, 1, 0.2):
        page.evaluate(
            "(way) => { const s = document.querySelector('.scroller'); s.scrollTop = way * s.scrollHeight; }", way
        )
        page.wait_for_timeout(100)  # the tiles of the new place are laid
        page.wait_for_function(FILLED)
        page.wait_for_function("() => [...document.querySelectorAll('.window .tile')].every((tile) => tile.title)")
        shown = page.evaluate(COLOURS)
        assert len(shown) >= 8
        for name, colour in shown[:8]:
            number = int(name[:3])
            assert colour == [37 * number % 256, 91 * number % 256, 151 * number % 256]
    pictures = [url for url in asked if url.endswith("/pictures")]
    assert 0 < len(pictures) <= 12  # a sheet and the one beyond it, each time
    assert not any("size=tile" in url for url in asked)
    assert many.errors == []


def test_a_browser_without_base64_of_its_own_shows_them_too(many: Run) -> None:
    page = many.open()
    page.add_init_script("delete Uint8Array.prototype.toBase64")
    page.goto("about:blank")
    page.goto(f"{many.service.url}#/run/{many.name}/browse")
    page.wait_for_function(FILLED)
    page.wait_for_function("() => [...document.querySelectorAll('.window .tile')].every((tile) => tile.title)")
    for name, colour in page.evaluate(COLOURS)[:8]:
        assert colour == [37 * int(name[:3]) % 256, 91 * int(name[:3]) % 256, 151 * int(name[:3]) % 256]
    assert many.errors == []


def test_a_tile_that_cannot_be_shown_says_why(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", ["a.png", "b.png"])
    (tmp_path / "data" / "b.png").write_bytes(b"<b>no image</b>")
    run = runs(data=tmp_path / "data")
    run.offer(1)
    page, _ = browse(run)
    page.locator(".tile.unreadable").wait_for()
    page.wait_for_function("() => document.querySelector('.tile.unreadable')?.title.includes('b.png')")
    assert "no image of a known format" in str(page.locator(".tile.unreadable").get_attribute("title"))
    assert page.locator(".tile b").count() == 0
    assert run.errors == []


def test_tiles_that_did_not_come_are_asked_for_again(many: Run) -> None:
    cut = []

    def cutting(route: Route) -> None:
        if len(cut) < 2:
            cut.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page = many.open()
    page.route("**/pictures", cutting)
    page.goto(f"{many.service.url}#/run/{many.name}/browse")
    page.wait_for_function(FILLED)
    assert len(cut) == 2
