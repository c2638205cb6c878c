"""The charts of the progress page, as a real browser draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.labeler.pages.kit import PHONE, Run
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
# Remembers what is written on canvases, by the label of their chart.
LISTEN = """() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  window.written = {};
  CanvasRenderingContext2D.prototype.fillText = function (word, ...rest) {
    const chart = this.canvas.closest("[role=img]").getAttribute("aria-label").split(" ")[1];
    (window.written[chart] ??= []).push(word);
    return write.call(this, word, ...rest);
  };
}"""
# How many pixels of each chart have this colour.
COUNT = """(colour) => [...document.querySelectorAll(".plot canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let many = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 255 && colour.every((part, place) => data[at + place] === part)) many += 1;
  }
  return many;
})"""
YES, LIGHT_INK, DARK_INK = [0, 0x72, 0xB2], [0x11, 0x11, 0x11], [0xF2, 0xF2, 0xF2]


@pytest.fixture
def run(led_run: Run, control: kit.Control) -> Run:
    """A run with a pool, rounds, heads and an audit."""
    assert control.status is not None
    control.status.labels, control.status.positives = 60, 20
    control.dashboard.pool[:] = [2] * 49 + [1_000_000]
    control.dashboard.sampled[:] = [0] * 20 + [1] * 10 + [0] * 20
    control.dashboard.prevalence_at_least, control.dashboard.prevalence_at_most = 0.1, 0.2
    for number, (positive, negative) in enumerate(((3, 7), (9, 15), (8, 18)), start=1):
        control.progress.rounds.add(round=number - 1, positive=positive, negative=negative)
        control.dashboard.heads.add(round=number, f1=0.5, precision=0.75, recall=float("nan") if number == 1 else 0.4)
    return led_run


def progress(page: Page) -> None:
    """Goes to the progress page and waits until its three charts are drawn."""
    page.get_by_role("link", name="Progress").click()
    page.locator(".plot canvas").nth(2).wait_for()
    page.wait_for_function(f"() => ({COUNT})([{YES[0]}, {YES[1]}, {YES[2]}]).every((many) => many > 0)")


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_axes_have_their_numbers(run: Run, context: dict[str, object]) -> None:
    page = run.open(**context)
    assert not page.evaluate("performance.getEntriesByType('resource').some(({name}) => /charts|pages/.test(name))")
    page.evaluate(LISTEN)
    progress(page)
    written = page.evaluate("window.written")
    assert {"0", "1", "10", "1,000", "1,000,000", "0.25", "0.75"} <= set(written["images"])  # logarithmic
    assert {"0", "10", "20", "60"} <= set(written["positives"])
    assert {"1", "2", "3", "0 %", "50 %", "100 %"} <= set(written["50"])  # "F1 50 % ..."
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert run.errors == []  # the content security policy is kept


def test_whoever_does_not_see_them_is_told(run: Run) -> None:
    page = run.open()
    progress(page)
    assert page.get_by_role("img", name="20 positives found with 60 labels; at random it would be 6 to 12").count() == 1
    assert page.get_by_role("img", name="F1 50 %, precision 75 %, recall 40 % after round 3").count() == 1
    summary = page.get_by_text("The numbers")
    summary.focus()
    page.keyboard.press("Enter")
    rows = page.get_by_role("region", name="Labels and positives found").get_by_role("row")
    rows.nth(3).wait_for()
    assert [row.inner_text().split("\t") for row in rows.all()[1:]] == [["10", "3"], ["34", "12"], ["60", "20"]]


def test_charts_follow_the_numbers_the_scheme_and_the_size(run: Run, control: kit.Control) -> None:
    page = run.open(color_scheme="light")
    progress(page)
    assert page.evaluate(COUNT, LIGHT_INK)[2] > 0  # the line of F1
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {{ const [, , many] = ({COUNT})({DARK_INK}); return many > 0; }}")
    assert page.evaluate(COUNT, LIGHT_INK)[2] == 0
    wide = page.locator(".plot canvas").first.bounding_box()["width"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(
        "(wide) => [...document.querySelectorAll('.plot canvas')].every((one) => one.clientWidth < wide)", arg=wide
    )
    control.status.labels, control.status.positives = 100, 50  # type: ignore[union-attr]
    page.get_by_role("img", name="50 positives found with 100 labels").wait_for(timeout=60_000)
    assert page.locator(".plot").first.locator("canvas").count() == 1
    page.get_by_role("link", name="Back to labeling").click()
    page.locator(".plot").wait_for(state="detached")
    assert run.errors == []


def test_without_the_script_the_words_and_numbers_are_there(run: Run) -> None:
    page = run.open()
    page.route("**/charts.js", lambda route: route.abort())
    page.get_by_role("link", name="Progress").click()
    page.get_by_role("img", name="20 positives found with 60 labels").wait_for()
    page.get_by_role("region", name="Heads on held-out images").wait_for()
    assert page.locator(".plot canvas").count() == 0
