"""What lies around the cards: practice, keys of one's own, a closer look, notes, the last answers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from protos import labeler_pb2 as pb
from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import (
    NEGATIVE,
    PHONE,
    POSITIVE,
    RETRACTED,
    Run,
    drag,
    pinch,
    prefetch,
    press,
    settle,
    shown,
    tap_twice,
)

pytestmark = pytest.mark.browser


def test_the_practice_is_done_with_the_keys_that_it_teaches(run: Run) -> None:
    run.offer()
    page = run.browser.new_page()
    page.goto(f"{run.service.url}#/run/{run.name}/label")
    page.get_by_role("textbox").fill("Ann")
    page.keyboard.press("Enter")
    for number, key in enumerate(("ArrowRight", "ArrowLeft", "ArrowDown", "u"), start=1):
        page.get_by_text(f"{number} of 4").wait_for()
        page.keyboard.press("ArrowRight" if key != "ArrowRight" else "ArrowLeft")  # a wrong one leads nowhere
        page.keyboard.press(key)
    settle(page)
    assert run.answers() == []
    page.reload()  # and it comes once
    settle(page)
    page.close()


def test_an_action_gets_another_key_and_keeps_it(run: Run) -> None:
    run.offer()
    page = run.open()
    page.keyboard.press("?")
    page.get_by_role("button", name="Keys").click()
    page.locator("#panel").get_by_role("button", name="Yes").click()
    page.keyboard.press("Tab")
    page.get_by_text("That key belongs to the browser").wait_for()
    page.locator("#panel").get_by_role("button", name="Yes").click()
    page.keyboard.press("j")
    page.locator("#panel").get_by_role("button", name="Yes J").wait_for()
    page.keyboard.press("Escape")
    press(page, "ArrowRight")  # means nothing any more
    press(page, "j")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    page.reload()
    press(page, "j")
    wait_for(lambda: len(run.answers()) == 2)
    assert page.get_by_role("button", name="Yes").get_attribute("aria-keyshortcuts") == "J"


def test_a_key_that_another_action_has_changes_places_with_it(run: Run) -> None:
    run.offer()
    page = run.open()
    page.keyboard.press("?")
    page.get_by_role("button", name="Keys").click()
    page.locator("#panel").get_by_role("button", name="Yes").click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    press(page, "ArrowLeft", "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE)])


def test_a_closer_look_by_wheel_and_keys(run: Run) -> None:
    run.offer()
    page = run.open()
    image = page.locator(".card:not(.leaving) img")
    width = image.bounding_box()["width"]
    page.locator("#stage").hover()
    page.mouse.wheel(0, -300)
    assert image.bounding_box()["width"] > 1.5 * width
    page.keyboard.press("0")
    assert image.bounding_box()["width"] == pytest.approx(width, abs=1)
    page.keyboard.press("+")
    left = image.bounding_box()["x"]
    page.keyboard.press("Shift+ArrowRight")
    assert image.bounding_box()["x"] < left
    assert run.answers() == []
    press(page, "ArrowRight")  # answers also while enlarged, and the next image is whole
    settle(page)
    assert page.locator(".card:not(.leaving) img").bounding_box()["width"] == pytest.approx(width, abs=1)
    wait_for(lambda: run.answers() == [(0, POSITIVE)])


def test_one_finger_moves_an_enlarged_image_and_answers_nothing(run: Run) -> None:
    run.offer()
    page = run.open(**PHONE)
    page.keyboard.press("+")
    image = page.locator(".card:not(.leaving) img")
    left = image.bounding_box()["x"]
    drag(page, 60, 0)
    assert image.bounding_box()["x"] > left
    page.wait_for_timeout(300)
    assert run.answers() == []
    assert shown(page) == 0


def test_two_fingers_and_a_double_tap_enlarge_and_answer_nothing(run: Run) -> None:
    run.offer()
    page = run.open(**PHONE)
    image = page.locator(".card:not(.leaving) img")
    width = image.bounding_box()["width"]
    pinch(page, 30, 90)
    assert image.bounding_box()["width"] == pytest.approx(3 * width, rel=0.2)
    pinch(page, 120, 20)
    assert image.bounding_box()["width"] == pytest.approx(width, abs=1)
    for scale in (3, 1):  # in and out
        tap_twice(page, page.locator("#stage"))
        wait_for(lambda scale=scale: abs(image.bounding_box()["width"] - scale * width) < 2)  # type: ignore[misc]
        page.wait_for_timeout(600)
    assert run.answers() == [] and shown(page) == 0


def test_brightened_images_stay_so_and_come_so(run: Run) -> None:
    run.offer(4)
    page = run.open()
    page.keyboard.press("l")
    page.wait_for_function("() => document.querySelector('.card:not(.leaving) img')?.src.includes('levels=auto')")
    prefetch(page, 4)
    page.evaluate(
        """() => { window.plain = 0; new MutationObserver(() => {
          const image = document.querySelector('.card:not(.leaving) img');
          if (image && !image.src.includes('levels=auto')) window.plain += 1;
        }).observe(document.getElementById('stage'), { childList: true, subtree: true, attributes: true }); }"""
    )
    press(page, "ArrowRight", "ArrowLeft")
    settle(page)
    assert page.evaluate("window.plain") == 0  # none is shown dark first
    page.keyboard.press("l")
    page.wait_for_function("() => document.querySelector('.card:not(.leaving) img')?.src.includes('levels') === false")
    page.keyboard.press("u")  # this one was bright when it was answered
    settle(page)
    page.wait_for_function("() => document.querySelector('.card:not(.leaving) img')?.src.includes('levels') === false")
    assert run.errors == []


def test_what_is_said_of_an_image_without_a_network_arrives_once_and_outlives_a_reload(run: Run) -> None:
    run.offer()
    page = run.open()

    def said() -> list[tuple[int, bool, str]]:
        found = httpx.get(f"{run.service.url}api/runs/{run.name}/remarks").json()["remarks"]
        return [(remark["item"], remark["flag"], remark["note"]) for remark in found]

    page.route("**/remarks", lambda route: route.abort())
    page.keyboard.press("f")
    page.get_by_text("Kept in this browser until the labeler answers").wait_for()
    page.keyboard.press("n")
    page.get_by_role("textbox").fill("<b>a bird?</b>")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert said() == []
    page.reload()
    settle(page)
    page.unroute("**/remarks")
    wait_for(lambda: said() == [(0, True, ""), (0, False, "<b>a bird?</b>")])
    page.keyboard.press("f")  # once more says no more
    page.get_by_text("Flagged: Browse lists it").wait_for()
    assert len(said()) == 2
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('remarks')).length") == 0


def test_a_batch_is_finished_early_from_the_menu_after_a_second_thought(runs: Callable[..., Run]) -> None:
    run = runs(batch_size=10)
    run.offer(20)
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_text("2 of 10 in this batch").wait_for()
    wait_for(lambda: len(run.answers()) == 2)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.keyboard.press("?")
    page.get_by_role("button", name="Finish batch early").click()
    assert run.service.queue(run=run.name).open == 18
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("?")
    page.get_by_role("button", name="Finish batch early").click()
    wait_for(lambda: run.service.queue(run=run.name).open == 0)
    page.get_by_role("heading", name="Waiting for the next images").wait_for()
    assert len(run.answers()) == 2


def test_the_last_answers_are_a_way_back(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowRight")
    settle(page)
    page.keyboard.press("b")
    page.get_by_role("button", name="00.png, answered positive: look again").last.click()
    settle(page)
    assert shown(page) == 0
    wait_for(lambda: run.answers()[-1] == (0, RETRACTED))


def test_the_question_is_explained_with_images_that_have_an_answer(run: Run) -> None:
    run.service.open_run(run.catalog, run=run.name, definition="Yes: wings.\nNo: <b>a kite</b>.")
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 2)
    page.keyboard.press("g")
    assert page.locator("#panel .definition").inner_text() == "Yes: wings.\nNo: <b>a kite</b>."
    page.get_by_role("heading", name="Answered yes").wait_for()
    page.locator("#panel").get_by_role("img", name="00.png").wait_for()
    page.locator("#panel").get_by_role("img", name="01.png").wait_for()
    page.keyboard.press("Escape")
    press(page, "ArrowRight")
    wait_for(lambda: len(run.answers()) == 3)
    assert run.errors == []


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_why_an_image_is_here_is_said_where_it_is_switched_on_and_recorded(
    run: Run, context: dict[str, object]
) -> None:
    def shown_of(position: int) -> bool:
        return bool(run.service.stub.ListLabels(pb.ListLabelsRequest(run=run.name)).events[position].scores_shown)

    run.offer()
    page = run.open(**context)
    assert page.locator("#caption").inner_text() == "00.png"
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    run.service.open_run(run.catalog, run=run.name, batch_size=100, show_scores=True)
    page.get_by_role("button", name="Undo").click()  # the cards in hand came before
    wait_for(lambda: len(run.answers()) == 2)
    page.close()
    page = run.open("Bob", **context)
    page.get_by_text(".png · probability 0.50 · uncertainty").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    press(page, "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 3)
    assert (shown_of(0), shown_of(2)) == (False, True)
    assert run.errors == []
