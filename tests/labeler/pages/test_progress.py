"""The progress view in a real browser: what the loop knows, what it asks, and whoever answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protos import control_pb2
from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import PHONE, Run, finish_after_a_second_thought, led
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WISH = control_pb2.Question(
    id="wish", text="The head learns after every 10 answers. At any time: finish [q]", choices=["q", "f"], optional=True
)


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=150, quarantined=2, labels=40)
    made.status.positives = 7
    made.status.question.CopyFrom(WISH)
    return made


@pytest.fixture
def run(tmp_path: Path, control: kit.Control, browser: Browser) -> Iterator[Run]:
    with led(tmp_path, control, browser, [f"{n:02}.png" for n in range(12)]) as made:
        yield made


@pytest.mark.browser
@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_progress_is_one_tap_away_and_back(run: Run, context: dict[str, object]) -> None:
    page = run.open(**context)
    page.get_by_role("link", name="Progress").click()
    page.get_by_role("heading", name="People are labeling").wait_for()
    words = page.locator("#panel").inner_text()
    assert "7 found with 40 labels of 150 images, 2 of them unreadable" in words
    assert "The head learns after every 10 answers" in words
    assert "[q]" not in words
    page.get_by_role("link", name="Back to labeling").click()
    page.locator("#stage img").first.wait_for()
    assert run.errors == []


@pytest.mark.browser
def test_a_run_is_finished_from_the_page_after_a_second_thought(run: Run, control: kit.Control) -> None:
    page = run.open()
    page.get_by_role("link", name="Progress").click()
    finish_after_a_second_thought(page, control)
    page.get_by_text("The run is finishing").wait_for()


@pytest.mark.browser
def test_a_number_is_typed(run: Run, control: kit.Control) -> None:
    assert control.status is not None
    control.status.state = "asking"
    control.status.question.CopyFrom(control_pb2.Question(id="seed-1/count", text="How many neighbours?"))
    page = run.open()
    page.get_by_role("link", name="Progress").click()
    page.get_by_role("heading", name="The loop waits for an answer").wait_for()
    page.get_by_role("spinbutton", name="A number").fill("12")
    page.get_by_role("button", name="Answer").click()
    wait_for(lambda: control.answers == ["12"])


@pytest.mark.browser
def test_what_the_loop_waits_for_stands_before_what_is_only_read(run: Run, control: kit.Control) -> None:
    assert control.status is not None
    control.status.state = "asking"
    control.status.question.CopyFrom(control_pb2.Question(id="round-3/choice", text="And now?", choices=["l", "q"]))
    control.progress.head.colour, control.progress.head.text = "amber", "The head still changes its mind"
    page = run.open(**PHONE)
    page.get_by_role("link", name="Progress").click()
    page.get_by_text("The head still changes its mind").wait_for()
    asked = page.get_by_text("And now?").bounding_box()
    light = page.get_by_text("The head still changes its mind").bounding_box()
    assert asked is not None and light is not None and asked["y"] < light["y"]
    assert page.get_by_role("button", name="Train the head").is_visible()


@pytest.mark.browser
def test_hostile_words_of_the_loop_stay_words(run: Run, control: kit.Control) -> None:
    assert control.status is not None
    control.status.question.text = "<img src=x onerror=alert(1)>"
    page = run.open()
    page.get_by_role("link", name="Progress").click()
    page.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    assert page.locator("#panel img").count() == 0
    assert run.errors == []


@pytest.mark.browser
def test_an_orchestrator_that_is_away_is_told_and_labeling_goes_on(run: Run, control: kit.Control) -> None:
    control.status = None
    page = run.open()
    page.get_by_role("link", name="Progress").click()
    page.get_by_role("heading", name="Progress is not to be had just now").wait_for()
    page.get_by_role("link", name="Back to labeling").click()
    page.locator("#stage img").first.wait_for()


def test_the_page_asks_where_events_do_not_come_through(run: Run, control: kit.Control) -> None:
    page = run.open()
    page.route("**/news", lambda route: route.fulfill(status=502, body="a proxy"))
    page.get_by_role("link", name="Progress").click()
    page.get_by_text("7 found").wait_for()
    assert control.status is not None
    control.status.positives = 9
    page.get_by_text("9 found").wait_for()


def test_what_changes_is_told_without_being_asked(run: Run, control: kit.Control) -> None:
    page = run.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.get_by_role("link", name="Progress").click()
    page.get_by_text("7 found").wait_for()
    assert control.status is not None
    control.status.positives = 9
    page.get_by_text("9 found").wait_for()
    assert asked.count("news") == 1
    assert "loop" not in asked
