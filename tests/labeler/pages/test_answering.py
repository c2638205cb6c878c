"""Answering: keys, buttons, swipes, undo."""

from __future__ import annotations

import pytest

from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import (
    COUNT_DECODED,
    NEGATIVE,
    PHONE,
    POSITIVE,
    RETRACTED,
    UNSURE,
    Run,
    click_thrice,
    drag,
    press,
    settle,
    shown,
)

pytestmark = pytest.mark.browser


def test_arrow_keys_answer_and_the_answers_arrive_in_order(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE), (3, POSITIVE)])
    page.get_by_text("4 of 12").wait_for()
    page.get_by_text("2 found").wait_for()
    assert run.errors == []


def test_a_key_held_down_counts_once(run: Run) -> None:
    run.offer()
    page = run.open()
    page.keyboard.down("ArrowRight")
    for _ in range(5):
        settle(page)
        page.keyboard.down("ArrowRight")  # the browser marks it as repeated
    page.keyboard.up("ArrowRight")
    assert shown(page) == 1
    wait_for(lambda: run.answers() == [(0, POSITIVE)])


def test_the_next_image_is_there_with_the_key_itself(run: Run) -> None:
    run.offer()
    page = run.open(script=COUNT_DECODED)
    page.wait_for_function("() => window.decoded >= 12")  # all that there are
    settle(page)
    after = page.evaluate(
        """() => {
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
          const image = document.querySelector(".card:not(.leaving) img");
          return [document.getElementById("caption").textContent, image !== null && image.complete];
        }"""
    )
    assert after == ["01.png", True]


def test_a_triple_tap_is_one_answer_and_the_next_tap_is_another(run: Run) -> None:
    """The second and third image would be answered unseen."""
    run.offer()
    page = run.open()
    button = page.locator('button[data-answer="negative"]')
    click_thrice(page, button)
    settle(page)
    assert shown(page) == 1
    page.wait_for_timeout(600)
    button.click()
    wait_for(lambda: run.answers() == [(0, NEGATIVE), (1, NEGATIVE)])


def test_two_presses_at_once_label_one_image(run: Run) -> None:
    """Nobody has seen the second image when the second key comes."""
    run.offer()
    page = run.open()
    page.evaluate(
        """() => { for (let n = 0; n < 2; n++)
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true})); }"""
    )
    settle(page)
    assert shown(page) == 1


def test_buttons_answer(run: Run) -> None:
    run.offer()
    page = run.open()
    for name in ("Yes", "No", "Unsure"):
        settle(page)
        page.get_by_role("button", name=name).click()
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE)])


@pytest.mark.parametrize(
    ("move", "answer"),
    [
        ({"dx": 120, "dy": 10}, POSITIVE),
        ({"dx": -120, "dy": 10}, NEGATIVE),
        ({"dx": 10, "dy": 250}, UNSURE),
        ({"dx": 70, "dy": 0, "ms": 20, "steps": 2}, POSITIVE),  # short and fast
    ],
)
def test_swipes_that_count(run: Run, move: dict[str, float], answer: int) -> None:
    run.offer()
    page = run.open(**PHONE)
    drag(page, **move)
    wait_for(lambda: run.answers() == [(0, answer)])


@pytest.mark.parametrize(
    "move",
    [
        {"dx": 60, "dy": 0, "ms": 900},  # short and slow
        {"dx": 5, "dy": 2, "ms": 10},  # a tap
        {"dx": 200, "dy": 0, "start": 0.03},  # from the edge of the screen
        {"dx": 160, "dy": 0, "back": 50},  # on the way back
        {"dx": 0, "dy": -300},  # upwards
    ],
)
def test_swipes_that_do_not_count(run: Run, move: dict[str, float]) -> None:
    run.offer()
    page = run.open(**PHONE)
    drag(page, **move)
    page.wait_for_timeout(300)
    assert run.answers() == []
    assert shown(page) == 0
    assert page.locator(".card").evaluate("card => card.style.transform") == ""


@pytest.mark.parametrize("how", ["u", "Control+z", "button"])
def test_undo_brings_the_image_back(run: Run, how: str) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    settle(page)
    if how == "button":
        page.locator("#undo").click()
    else:
        page.keyboard.press(how)
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (1, RETRACTED), (1, POSITIVE)])
    settle(page)
    assert shown(page) == 2


def test_undo_goes_back_as_far_as_one_likes(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, *["ArrowRight"] * 5)
    settle(page)
    for _ in range(5):
        page.keyboard.press("u")
    settle(page)
    assert shown(page) == 0
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("u")
    page.get_by_text("nothing to take back").wait_for()
    wait_for(lambda: len(run.answers()) == 10)
    assert run.service.queue(run=run.name).open == 12
