"""Batches, rounds, people."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protos import labeler_pb2 as pb
from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import NEGATIVE, POSITIVE, RETRACTED, UNSURE, Run, press, settle, shown

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_the_last_answer_of_a_round_can_be_taken_back(run: Run) -> None:
    run.offer(2)
    page = run.open()
    press(page, "ArrowRight", "ArrowRight")
    page.get_by_text("Waiting for the next images").wait_for()
    run.service.offer([5, 6], number=2, run=run.name)  # the loop has gone on
    settle(page)
    assert shown(page) == 5
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowLeft")
    wait_for(lambda: run.answers()[-2:] == [(1, RETRACTED), (1, NEGATIVE)])


def test_a_batch_ends_with_a_look_back(runs: Callable[..., Run]) -> None:
    run = runs(batch_size=3)
    run.offer(12)
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown")
    page.get_by_text("3 images done").wait_for()
    page.get_by_text("9 images of this round are left").wait_for()
    page.keyboard.press("ArrowRight")  # answers nothing while no image is to be seen
    page.locator(".review .thumb").nth(1).click()
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowRight")
    page.get_by_text("3 images done").wait_for()
    page.keyboard.press("Enter")
    settle(page)
    assert shown(page) == 3
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE), (1, RETRACTED), (1, POSITIVE)])


def test_the_end_of_a_long_batch_shows_its_last_answers_and_the_others_on_demand(
    runs: Callable[..., Run], tmp_path: Path
) -> None:
    paint(tmp_path, [f"{n:02}.png" for n in range(70)])
    run = runs(batch_size=64, data=tmp_path)
    run.offer(70)
    page = run.open()
    done = page.get_by_text("64 images done")
    while (
        not done.is_visible()
    ):  # keys that come too soon for an image answer nothing, and then none are left to answer
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
    thumbs = page.locator(".review .thumb")
    assert thumbs.count() == 60
    assert str(thumbs.first.get_attribute("title")).startswith("04.png")
    page.get_by_role("button", name="Show 4 before these").click()
    assert thumbs.count() == 64
    page.wait_for_function("() => document.querySelector('.review .thumb img')?.naturalWidth > 0")
    thumbs.first.click()  # of an answer so long ago that its picture has to be fetched again
    settle(page)
    assert shown(page) == 0


def test_finishing_early_gives_the_rest_back(runs: Callable[..., Run]) -> None:
    run = runs(batch_size=2)
    run.offer(12)
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_role("button", name="Finish batch early").click()
    page.get_by_text("Waiting for the next images").wait_for()
    queue = run.service.queue(run=run.name)
    assert (queue.open, queue.withdrawn, queue.positive, queue.negative) == (0, 10, 1, 1)


def test_continuous_mode_has_no_end_screens_but_a_word_every_fifty_answers(
    runs: Callable[..., Run], tmp_path: Path
) -> None:
    paint(tmp_path / "data", [f"{n:03}.png" for n in range(60)])
    run = runs(batch_size=5, data=tmp_path / "data")
    run.service.open_run(run.catalog, run=run.name, batch_size=5, continuous=True)
    run.offer(60)
    page = run.open()
    for _ in range(49):
        press(page, "ArrowRight")
    assert page.locator("#panel").is_hidden()
    assert page.get_by_text("among the last 50").count() == 0
    press(page, "ArrowLeft")
    page.get_by_text("50 answers: 49 yes among the last 50").wait_for()
    press(page, "ArrowRight")
    wait_for(lambda: len(run.answers()) == 51)
    run.service.open_run(run.catalog, run=run.name, batch_size=5)
    assert _answers_until_the_end_screen(page) < 9
    assert run.errors == []


def _answers_until_the_end_screen(page: Page) -> int:
    """How many that took; 9 where there is none."""
    for given in range(9):
        if page.get_by_role("button", name="Continue labeling").is_visible():
            return given
        press(page, "ArrowRight")
    return 9


def test_waiting_ends_by_itself(run: Run) -> None:
    page = run.open(ready=False)
    page.get_by_text("Waiting for the next images").wait_for()
    run.offer(3)
    settle(page)
    assert shown(page) == 0
    assert run.errors == []


def test_the_end_is_announced(run: Run) -> None:
    run.offer(1)
    page = run.open()
    press(page, "ArrowRight")
    run.service.stub.CloseRun(pb.CloseRunRequest(run=run.name, sentence="The result is in <b>final_dataset</b>."))
    page.get_by_text("Labeling is finished").wait_for()
    page.get_by_text("The result is in <b>final_dataset</b>.").wait_for()
    page.get_by_text("Your 1 answer is saved").wait_for()


def test_an_image_that_is_taken_away_takes_no_answer_with_it(run: Run) -> None:
    """Somebody ends the round while the finger is on the card: what was meant for it labels no other."""
    run.offer(12)
    page = run.open()
    run.service.stub.Withdraw(pb.WithdrawRequest(run=run.name, round=1))
    run.service.offer(range(12, 24), number=2, run=run.name)
    page.evaluate("dispatchEvent(new Event('online'))")  # the page asks now
    wait_for(lambda: shown(page) == 12)
    page.wait_for_timeout(250)
    page.keyboard.press("ArrowRight")
    page.get_by_text("That image went to somebody else").wait_for()
    page.wait_for_timeout(600)
    assert run.answers() == []
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(12, POSITIVE)])


def test_two_people_never_get_the_same_image(run: Run) -> None:
    run.offer(24)
    pages = [run.open("Ann"), run.open("Bob")]
    seen: list[list[int]] = [[], []]
    turns = 0
    while any(page.locator("#panel").is_hidden() for page in pages) and turns < 60:
        for number, page in enumerate(pages):
            turns += 1
            if page.locator("#panel").is_visible() or page.locator(".card:not(.leaving) img").count() == 0:
                page.wait_for_timeout(100)
                continue
            settle(page)
            seen[number].append(shown(page))
            page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(100)
    assert sorted(seen[0] + seen[1]) == list(range(24))
    assert min(len(each) for each in seen) >= 5
    wait_for(lambda: sorted(item for item, _ in run.answers()) == list(range(24)))
    people = {e.annotator for e in run.service.stub.ListLabels(pb.ListLabelsRequest(run=run.name)).events}
    assert people == {"Ann", "Bob"}


def test_a_page_that_is_left_gives_its_images_back(run: Run) -> None:
    run.offer(12)
    page = run.open()
    wait_for(lambda: run.service.queue(run=run.name).held == 12)
    page.goto("about:blank")
    wait_for(lambda: run.service.queue(run=run.name).held == 0)


def test_the_list_of_runs_and_the_way_into_one(run: Run) -> None:
    run.offer(4)
    page = run.open()
    page.goto(f"{run.service.url}#/")
    page.get_by_role("link", name=re.compile("4 images waiting")).first.wait_for()
    page.locator(f"a[href='#/run/{run.name}']").click()
    settle(page)
    assert page.locator("#who").inner_text() == "Ann"  # asked once
