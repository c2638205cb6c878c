"""The whole loop by keyboard alone: seed set, cards, the end of a batch, progress, what steers the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import control_pb2, rpc
from tests.labeler.kit import Service, paint, wait_for
from tests.labeler.pages.kit import NEGATIVE, POSITIVE, UNSURE, Run, frame, press
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROWS = 40
NAMED = """() => { const e = document.activeElement;
  return e.getAttribute('aria-label') || e.title && e.tagName === 'BUTTON' && e.textContent || e.textContent || ''; }"""


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="asking", round=1, images=ROWS)
    made.scores, made.part = np.linspace(0, 1, ROWS, dtype=np.float32), ROWS
    made.found = [30, 31, 32]
    return made


@pytest.fixture
def run(tmp_path: Path, control: kit.Control, browser: Browser) -> Iterator[Run]:
    server = rpc.serve([kit.registration(control)], f"unix:{tmp_path}/c.sock")
    paint(tmp_path / "labeler" / "data", [f"{n:02}.png" for n in range(ROWS)])
    service = Service(tmp_path / "labeler", ACTIVE_LABELER_CONTROL=server.address)
    made = Run(service, browser, "r", tmp_path / "labeler" / "data", 3)
    made.offer(6)
    yield made
    made.close()
    service.stop()
    server.stop(0)


def tab_to(page: Page, words: str) -> None:
    """Presses Tab until what has the focus begins with these words, and is seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if str(page.evaluate(NAMED)).startswith(words):
            box = page.locator(":focus").bounding_box()
            assert box is not None and box["width"] > 0 and box["height"] > 0, words
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", (
                f"{words}: no outline"
            )
            return
    raise AssertionError(f"Tab never comes to {words!r}; it ended on {page.evaluate(NAMED)!r}")


def follow(page: Page, words: str) -> None:
    """Goes to a link or button and presses Enter."""
    tab_to(page, words)
    page.keyboard.press("Enter")


def enter(run: Run) -> Page:
    """From the address to the first card, with no pointer."""
    page = run.browser.new_context().new_page()
    run._contexts.append(page.context)
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: run.errors.append(str(error)))
    page.goto(f"{run.service.url}#/run/r/label")
    page.get_by_role("textbox").and_(page.locator(":focus")).wait_for()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Skip the practice").wait_for()
    follow(page, "Skip the practice")
    return page


def test_the_whole_loop_by_keyboard_alone(run: Run, control: kit.Control) -> None:
    status = control.status
    assert status is not None
    status.question.CopyFrom(control_pb2.Question(id="seed-0/count", text="How many?"))
    page = enter(run)

    page.locator(".card:not(.leaving) img").wait_for()
    follow(page, "Progress")
    page.get_by_role("heading", name="The loop waits").wait_for()
    follow(page, "Search")
    page.locator(".view").wait_for()
    tab_to(page, "What you look for")
    page.keyboard.type("a fox")
    page.keyboard.press("Enter")
    page.locator(".tile:focus").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.tile img')].every((i) => i.complete && i.naturalWidth > 0)"
    )
    frame(page)
    page.wait_for_timeout(150)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("Enter")
    wait_for(lambda: control.answers == ["0"])
    status.ClearField("question")  # the loop goes on
    wait_for(lambda: run.answers() == [(30, POSITIVE), (31, NEGATIVE), (32, POSITIVE)])

    follow(page, "Label")
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown")
    wait_for(lambda: run.answers()[3:] == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE)])
    page.get_by_role("heading", name="3 images done").wait_for()
    page.keyboard.press("Enter")
    press(page, "ArrowRight")
    press(page, "u")
    press(page, "ArrowLeft", "ArrowLeft", "ArrowRight")
    wait_for(lambda: len(run.answers()) == 11)
    page.get_by_role("heading", name="Waiting for the next images").wait_for()

    status.question.CopyFrom(control_pb2.Question(id="round-1/choice", text="And now?", choices=["l", "f", "q"]))
    follow(page, "Progress")
    page.get_by_role("button", name="Train the head").wait_for()
    follow(page, "Train the head")
    wait_for(lambda: control.answers == ["0", "l"])
    follow(page, "Continuous mode on")
    wait_for(lambda: control.continuous is True)
    page.on("dialog", lambda dialog: dialog.accept())
    follow(page, "Stop")
    wait_for(lambda: control.stopped)
    for where, title in (
        ("Grid", "The model says no"),
        ("Browse", "All images"),
        ("Map", "Map"),
        ("Progress", "The loop waits"),
    ):
        follow(page, where)
        page.get_by_role("heading", name=title).wait_for()
    assert run.errors == []
