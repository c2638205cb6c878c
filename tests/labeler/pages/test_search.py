"""Search, grid and browse in a real browser, with a real labeler behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from protos import control_pb2
from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import HOSTILE, NEGATIVE, PHONE, POSITIVE, RETRACTED, ROWS, UNSURE, Run, loaded, look
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.browser


@pytest.fixture
def run(led_run: Run) -> Run:
    return led_run


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_neighbours_of_an_image_become_the_seed_set(run: Run, control: kit.Control, context: dict[str, object]) -> None:
    assert control.status is not None
    control.status.question.CopyFrom(control_pb2.Question(id="seed-0/count", text="How many?"))
    page = look(run, "seed/5", **context)
    loaded(page, 5)
    page.get_by_role("button", name="04.png").click()
    page.get_by_role("button", name="Start with these").click()
    wait_for(lambda: len(run.answers()) == 5)
    assert sorted(run.answers()) == [(3, POSITIVE), (4, NEGATIVE), (5, POSITIVE), (6, POSITIVE), (7, POSITIVE)]
    wait_for(lambda: control.answers == ["0"])
    page.get_by_role("button", name="Take the last page back").click()
    wait_for(lambda: [answer for _, answer in run.answers()[5:]] == [RETRACTED] * 5)
    assert run.errors == []


def test_a_picture_from_the_device_and_a_phrase_are_searched(run: Run, control: kit.Control, tmp_path: Path) -> None:
    paint(tmp_path, ["mine.png"], (1600, 900))
    page = look(run, "seed")
    page.get_by_label("Choose a picture").set_input_files(tmp_path / "mine.png")
    loaded(page, 5)
    assert control.searched[0].picture.startswith(b"\xff\xd8\xff")
    (tmp_path / "no.png").write_bytes(b"no image")
    page.get_by_label("Choose a picture").set_input_files(tmp_path / "no.png")
    page.get_by_text("This browser cannot show no.png").wait_for()
    page.get_by_role("searchbox").fill("a fox")
    page.get_by_role("button", name="Search", exact=True).click()
    wait_for(lambda: len(control.searched) == 2)
    assert control.searched[1].phrase == "a fox"


def test_a_picture_is_pasted(run: Run, control: kit.Control) -> None:
    page = look(run, "seed")
    page.evaluate(
        """async () => {
          const canvas = document.createElement("canvas");
          canvas.getContext("2d").fillRect(0, 0, 50, 50);
          const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([blob], "pasted.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }"""
    )
    loaded(page, 5)
    assert control.searched[0].picture.startswith(b"\xff\xd8\xff")
    assert run.errors == []


def test_a_search_that_is_overtaken_shows_nothing(run: Run) -> None:
    """The second answer comes first, and stays."""
    page = look(run, "seed")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "slow" in str(route.request.post_data):
            held.append(route)
        else:
            route.continue_()

    page.route("**/search", hold)
    page.get_by_role("searchbox").fill("slow")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("searchbox").fill("fast")
    page.get_by_role("button", name="Search", exact=True).click()
    loaded(page, 5)
    held[0].fulfill(json={"run": "r", "tiles": [], "distances": []})
    page.wait_for_timeout(200)
    assert page.locator(".tile").count() == 5


def test_a_finger_that_is_held_draws_over_many_on_a_phone(run: Run) -> None:
    page = look(run, "grid", **PHONE)
    loaded(page, 6)
    boxes = [tile.bounding_box() for tile in page.locator(".tile").all()[:3]]
    touch = page.context.new_cdp_session(page)

    def point(place: int) -> list[dict[str, float]]:
        box = boxes[place]
        return [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]

    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point(0)})
    page.locator(".tile.odd").first.wait_for()
    for place in (1, 2):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": point(place)})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    assert page.locator(".tile.odd").count() == 3
    assert run.answers() == []


def test_on_a_phone_filters_give_way_to_images(run: Run) -> None:
    page = look(run, "browse", **PHONE)
    page.get_by_text(f"{ROWS} images").wait_for()
    assert page.locator(".scroller").bounding_box()["height"] > 0.6 * 844
    assert page.get_by_label("Order").is_hidden()
    page.get_by_role("button", name="✓ Yes", exact=True).click()
    page.get_by_text("Choose an image first").wait_for()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Order").select_option("highest")
    page.get_by_role("button", name=HOSTILE).click()
    page.get_by_role("button", name="✓ Yes", exact=True).click()
    wait_for(lambda: run.answers() == [(ROWS - 1, POSITIVE)])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert run.errors == []


def test_the_grid_is_answered_by_keyboard_alone_and_only_what_was_seen_counts(run: Run) -> None:
    page = look(run, "grid", viewport={"width": 1000, "height": 560})
    page.get_by_role("heading", name="untouched means no").wait_for()
    loaded(page, 8)
    seen = page.evaluate(
        "() => [...document.querySelectorAll('.tile')].map((t) => t.getBoundingClientRect())"
        ".map((b) => ({ middle: b.top + b.height / 2 }))"
    )
    body = page.locator(".view .body").bounding_box()
    visible = sum(each["middle"] <= body["y"] + body["height"] for each in seen)
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("Enter")
    wait_for(lambda: len(run.answers()) > 0)
    answers = run.answers()
    assert len(answers) == visible < 24
    assert answers[:3] == [(0, NEGATIVE), (1, POSITIVE), (2, NEGATIVE)]
    page.wait_for_function(f"() => document.querySelector('.tile')?.title === '{visible:02}.png'")
    assert run.errors == []


def test_a_range_is_marked_with_shift(run: Run) -> None:
    page = look(run, "grid")
    loaded(page, 8)
    page.get_by_role("button", name="02.png").click()
    page.get_by_role("button", name="05.png").click(modifiers=["Shift"])
    assert page.locator(".tile.odd").count() == 4


def test_everything_is_browsed_filtered_and_corrected_in_place(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_text(f"{ROWS} images").wait_for()
    page.get_by_label("Order").select_option("highest")
    page.get_by_role("button", name=HOSTILE).focus()
    page.keyboard.press("y")
    wait_for(lambda: run.answers() == [(ROWS - 1, POSITIVE)])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    wait_for(lambda: run.answers()[1:] == [(ROWS - 2, UNSURE)])
    page.get_by_label("Label").select_option("positive")
    page.get_by_text("1 image", exact=True).wait_for()
    page.get_by_label("Round").fill("7")
    page.get_by_label("Round").press("Enter")
    page.get_by_text("0 images", exact=True).wait_for()
    page.get_by_label("Round").fill("0")
    page.get_by_label("Round").press("Enter")
    page.get_by_text("1 image", exact=True).wait_for()
    page.get_by_role("button", name=HOSTILE).focus()
    page.keyboard.press("Backspace")
    wait_for(lambda: run.answers()[2:] == [(ROWS - 1, RETRACTED)])
    assert run.errors == []


def test_what_was_set_aside_is_reached_from_browse(run: Run, control: kit.Control) -> None:
    control.quarantine, control.part = {3: "the file is empty", 5: "damaged image"}, 1000
    page = look(run, "browse", **PHONE)
    page.get_by_text(f"{ROWS} images").wait_for()
    assert page.get_by_role("link", name="Why they were set aside").count() == 0
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("set aside").check()
    page.get_by_text("2 images", exact=True).wait_for()
    for name in ("03.png", "05.png"):
        page.get_by_role("button", name=name).wait_for()
    page.get_by_role("link", name="Why they were set aside").click()
    page.get_by_text("the file is empty: 1 · damaged image: 1").wait_for()


def test_labels_wait_in_the_browser_while_the_labeler_is_away(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_role("button", name="00.png").focus()
    page.context.set_offline(True)
    page.keyboard.press("n")
    page.get_by_text("1 label is kept in this browser").wait_for()
    assert run.answers() == []
    page.context.set_offline(False)
    wait_for(lambda: run.answers() == [(0, NEGATIVE)])


def test_the_grid_of_a_run_without_a_model_shows_nothing_to_commit(run: Run, control: kit.Control) -> None:
    control.scores = np.full(ROWS, np.nan, dtype=np.float32)
    page = look(run, "grid")
    page.get_by_text("there is no model yet").wait_for()
    assert page.get_by_role("button", name="Commit this page").is_disabled()
    assert page.locator(".tile").count() == 0


def test_where_no_phrase_is_understood_none_is_asked_for(run: Run, control: kit.Control) -> None:
    page = look(run, "seed")
    page.get_by_role("searchbox").wait_for()
    control.status.no_phrases = f"The encoder {HOSTILE} does not understand phrases."  # type: ignore[union-attr]
    page.reload()
    page.get_by_text(f"The encoder {HOSTILE} does not understand phrases.").wait_for()
    assert page.get_by_role("searchbox").count() == 0
    assert page.get_by_label("Choose a picture").count() == 1
    assert run.errors == []
