"""The map in a real browser: colours, ways to move it, and what is circled goes on offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import control_pb2
from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import PHONE, Run, frame, led
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROWS = 64
INK = """() => { const canvas = document.querySelector('.map canvas');
  const words = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const seen = new Map(); for (const word of words) seen.set(word, (seen.get(word) ?? 0) + 1);
  return [...seen].map(([word, count]) =>
    [(word & 255) + ',' + (word >> 8 & 255) + ',' + (word >> 16 & 255), count, word >>> 24]); }"""


def grid() -> np.ndarray:
    """8 x 8 points all over the map; item 63 has no place."""
    x, y = np.meshgrid(np.linspace(2000, 63000, 8), np.linspace(2000, 63000, 8))
    points = x.ravel().astype(np.uint32) | y.ravel().astype(np.uint32) << 16
    points[63] = 0xFFFFFFFF
    return points


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=ROWS)
    made.scores, made.part = np.linspace(0, 1, ROWS, dtype=np.float32), ROWS
    made.points = grid()
    return made


@pytest.fixture
def run(tmp_path: Path, control: kit.Control, browser: Browser) -> Iterator[Run]:
    with led(tmp_path, control, browser, [f"{n:02}.png" for n in range(ROWS)]) as made:
        yield made


def look(run: Run, **context: object) -> Page:
    page = run.open(**context)
    page.goto(f"{run.service.url}#/run/r/map")
    page.get_by_text("64 images; near each other").wait_for()
    frame(page)
    return page


def drawn(page: Page, what: Callable[[dict[str, int]], bool]) -> None:
    """Until the pixels by colour are so."""
    seen: dict[str, int] = {}

    def look() -> bool:
        frame(page)
        seen.clear()
        seen.update({colour: count for colour, count, alpha in page.evaluate(INK) if alpha})
        return what(seen)

    try:
        wait_for(look)
    except AssertionError:
        raise AssertionError(f"it was drawn in other colours: {sorted(seen)[:20]}") from None


def circle(page: Page, *corners: tuple[float, float]) -> None:
    """By shares of the map's size."""
    box = page.locator(".map canvas").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in [*at[1:], at[0]]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_what_is_circled_goes_on_offer(run: Run, control: kit.Control, context: dict[str, object]) -> None:
    page = look(run, **context)
    page.get_by_role("button", name="Lasso").click()
    circle(page, (0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99))
    page.get_by_text("32 images inside").wait_for()
    page.locator(".choice img").nth(11).wait_for()
    page.get_by_role("button", name="Queue 32 images for labeling").click()
    page.get_by_text("32 images are on offer").wait_for()
    assert sorted(control.queued[0]) == [item for item in range(ROWS) if item % 8 < 4]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert run.errors == []


def test_the_keyboard_alone_moves_the_map_and_chooses(run: Run, control: kit.Control) -> None:
    page = look(run)
    canvas = page.get_by_role("application", name="Map of the images")
    while not canvas.evaluate("canvas => canvas === document.activeElement"):
        page.keyboard.press("Tab")
    for key in ("+", "+", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    while page.evaluate("document.activeElement.textContent") != "Take what is in sight":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Queue").and_(page.locator(":focus")).wait_for()
    page.keyboard.press("Enter")  # on "Queue", which has the focus
    wait_for(lambda: len(control.queued) == 1)
    assert 0 < len(control.queued[0]) < 63
    page.keyboard.press("Shift+Tab")
    canvas.focus()
    page.keyboard.press("0")
    page.get_by_role("button", name="Take what is in sight").click()
    page.get_by_text("63 images inside").wait_for()
    page.keyboard.press("Escape")
    page.locator(".choice").wait_for(state="detached")
    assert run.errors == []


def test_colours_are_labels_scores_and_rounds(run: Run) -> None:
    page = look(run, color_scheme="light")
    drawn(page, lambda ink: set(ink) == {"169,169,169"})
    page.evaluate(
        """() => fetch('api/runs/r/marks', {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(
        {client: 'aaaaaaaa', events: [{sequence: 1, item: 33, round: 2, answer: 'positive'},
        {sequence: 2, item: 44, answer: 'negative'}]})})"""
    )
    page.get_by_role("button", name="Round").click()
    page.get_by_text("round 2").wait_for()
    drawn(page, lambda ink: len(ink) == 3)
    page.get_by_role("button", name="Label").click()
    page.get_by_text("unsure").wait_for()
    drawn(page, lambda ink: set(ink) == {"169,169,169", "0,114,178", "184,74,0"})
    page.get_by_role("button", name="Probability").click()
    page.get_by_text("1: likely").wait_for()
    drawn(page, lambda ink: len(ink) == 10)
    assert run.errors == []


def test_why_there_is_no_map_is_said(run: Run, control: kit.Control) -> None:
    control.refusal = "run r has nothing to show yet"
    page = run.open()
    page.goto(f"{run.service.url}#/run/r/map")
    page.get_by_text("run r has nothing to show yet").wait_for()
    assert page.get_by_role("button", name="Lasso").is_disabled()


def test_a_million_points_are_drawn_and_circled(run: Run, control: kit.Control) -> None:
    rng = np.random.default_rng(0)
    million = rng.normal(32767, 9000, size=(1_000_000, 2)).clip(0, 65534).astype("<u2")
    control.points, control.part = million.reshape(-1).view("<u4"), 1_000_000
    control.scores = np.empty(0, dtype=np.float32)
    page = run.open()
    page.goto(f"{run.service.url}#/run/r/map")
    page.get_by_text("1,000,000 images; near each other").wait_for()
    drawn(page, lambda ink: sum(ink.values()) > 50_000)
    page.get_by_role("button", name="Lasso").click()
    circle(page, (0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
    page.get_by_text("500 from all over can be queued at once").wait_for()
    # With so many points a busy machine may answer a question of the page too late; it asks again.
    assert [error for error in run.errors if not error.startswith("Failed to load resource")] == []
