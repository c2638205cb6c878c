"""Where whoever opens the page goes on: guests to the cards, the owner to the step that is not done, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protos import control_pb2, labeler_pb2
from tests.labeler.kit import Service
from tests.labeler.pages.kit import NAMES, PHONE, Run, led
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
SEED = control_pb2.Question(id="seed-0/count", text="How many images?", wants_example=True)
MORE = control_pb2.Question(id="seed-1/count", text="How many neighbours of each positive image?")
CHOICE = control_pb2.Question(id="round-1/choice", text="And now?", choices=["l", "q"])
WISH = control_pb2.Question(id="wish", text="At any time:", choices=["q"], optional=True)


@pytest.fixture
def run(tmp_path: Path, control: kit.Control, browser: Browser) -> Iterator[Run]:
    with led(tmp_path, control, browser, NAMES, ACTIVE_LABELER_WEB_ACCESS="token") as made:
        yield made


def join(run: Run, role: str, **context: object) -> Page:
    """A browser of somebody's, let in by a link."""
    token = json.loads((run.service.folder / "labels" / "access.json").read_text())[role]
    opened = run.browser.new_context(**context)
    page = opened.new_page()
    page.goto(f"{run.service.url}join#{token}")
    return page


def arrives(page: Page, service: Service, where: str) -> None:
    """At the root, and by the list, the same page is reached."""
    for root in ("", "#/run/r"):
        page.goto("about:blank")
        page.goto(f"{service.url}{root}")
        expect(page).to_have_url(re.compile(f"#/run/r/{where}$"))


def test_the_owner_goes_on_with_the_step_that_is_not_done(run: Run, control: kit.Control) -> None:
    page = join(run, "admin")
    expect(page).to_have_url(re.compile("#/run/r/label$"))  # there are cards
    page.get_by_role("heading", name="Is there a plane?").or_(page.get_by_role("textbox")).first.wait_for()
    run.service.stub.Withdraw(labeler_pb2.WithdrawRequest(run="r", round=1))
    steps = [
        ({"state": "running", "step": "embedding"}, "progress"),
        ({"state": "asking", "question": SEED}, "seed"),
        ({"state": "asking", "question": MORE}, "progress"),
        ({"state": "running", "round": 2}, "label"),
        ({"state": "asking", "round": 2, "question": CHOICE}, "progress"),
        ({"state": "labeling", "round": 2, "question": WISH}, "label"),
        ({"state": "failed", "message": "the disk is full"}, "progress"),
        ({"state": "finished", "message": "curated set  7"}, "finish"),
    ]
    for status, where in steps:
        control.status = control_pb2.RunStatus(run="r", **status)  # type: ignore[arg-type]
        arrives(page, run.service, where)
    control.status = None  # nobody works on it any more
    arrives(page, run.service, "label")
    run.service.stub.CloseRun(labeler_pb2.CloseRunRequest(run="r"))
    arrives(page, run.service, "finish")
    page.goto(f"{run.service.url}#/")
    page.locator("a.run").click()
    expect(page).to_have_url(re.compile("#/run/r/finish$"))
    page.context.close()


def test_a_guest_gets_name_practice_and_card(run: Run, control: kit.Control) -> None:
    control.status = control_pb2.RunStatus(run="r", state="asking", question=CHOICE)
    page = join(run, "annotator", **PHONE)
    page.get_by_role("textbox").fill("Ann")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Skip the practice").click()
    page.locator(".card:not(.leaving) img").wait_for()
    run.service.stub.Withdraw(labeler_pb2.WithdrawRequest(run="r", round=1))
    arrives(page, run.service, "label")
    page.context.close()


def test_without_a_run_the_owner_starts_one_as_soon_as_there_are_images(
    run: Run, control: kit.Control, tmp_path: Path
) -> None:
    control.prepared.encoder.add(number=3, name="hog")  # a folder of data sets is named, and nothing is in it
    page = join(run, "admin")
    page.locator("#panel").wait_for()
    page.route("**/api/runs", lambda route: route.fulfill(json={"runs": []}))  # as of a labeler without one
    page.goto("about:blank")
    page.goto(run.service.url)
    page.get_by_role("heading", name="There are no images to choose from").wait_for()
    assert page.url.endswith("#/new")
    assert page.get_by_text("cp -r FOLDER data/").is_visible()
    control.prepared.data.add(number=1, name="craters")
    page.get_by_label("Data set").wait_for()
    page.get_by_role("link", name="Back").click()
    page.get_by_role("heading", name="There is nothing to label yet").wait_for()  # who goes back is not sent again
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Data set").wait_for()
    page.context.close()


def test_where_no_folder_is_named_the_command_line_is(run: Run) -> None:
    page = join(run, "admin")
    page.locator("#panel").wait_for()
    page.route("**/api/runs", lambda route: route.fulfill(json={"runs": []}))
    with page.expect_response("**/api/prepared"):
        page.goto(f"{run.service.url}#/")
    page.get_by_text("active-labeler run --data FOLDER").wait_for()
    assert page.get_by_role("link", name="Start a run").count() == 0
    page.context.close()
