"""Two hundred images taken along, answered without a network, and all of them there once it is back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protos import labeler_pb2 as pb
from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import POSITIVE, Run, count_files, kept, settle, shown

pytestmark = pytest.mark.browser
MANY = 40


def test_what_is_taken_offline_is_answered_there_and_arrives_once(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", [f"{n:02}.png" for n in range(MANY + 10)])
    run = runs(data=tmp_path / "data", batch_size=1000)
    run.offer(MANY)
    page = run.open()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Take 200 offline").click()
    page.get_by_text(f"{MANY} images here for offline").wait_for()
    assert run.service.queue(run=run.name).held == MANY
    page.context.set_offline(True)
    for item in range(MANY):
        settle(page)
        assert shown(page) == item
        assert page.locator(".card:not(.leaving) img").evaluate("image => image.naturalWidth") > 0
        page.keyboard.press("ArrowRight")
    page.get_by_text(f"You are offline. {MANY} answers are kept in this browser").wait_for()
    assert len(kept(page)) == MANY
    assert run.answers() == []
    page.context.set_offline(False)
    wait_for(lambda: run.answers() == [(item, POSITIVE) for item in range(MANY)], 20)
    wait_for(lambda: kept(page) == [])
    events = run.service.stub.ListLabels(pb.ListLabelsRequest(run=run.name)).events
    assert not any(event.late for event in events)


def test_others_get_what_is_not_taken_along(run: Run) -> None:
    run.offer(24)
    page = run.open("Ann")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Take 200 offline").click()
    page.get_by_text("24 images here for offline").wait_for()
    other = run.open("Bob", ready=False)
    other.get_by_text("The rest is in other hands").wait_for()
    assert run.service.queue(run=run.name).held == 24


def test_files_that_come_when_nobody_wants_them_any_more_take_no_memory(run: Run) -> None:
    """The look changes while the pictures taken along are on their way: those of the look before are of no use."""
    run.offer(24)
    page = run.open()
    count_files(page)
    on_their_way: list[Any] = []

    def hold(route: Any) -> None:
        plain = route.request.resource_type == "fetch" and "levels" not in route.request.url
        on_their_way.append(route) if plain else route.continue_()

    page.route("**/images/*", hold)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Take 200 offline").click()
    wait_for(lambda: page.evaluate("1") and len(on_their_way) == 4)  # as many as come at once
    page.keyboard.press("l")
    page.get_by_text("Brightened").wait_for()
    for route in on_their_way:
        route.continue_()
    page.get_by_text("24 images here for offline").wait_for()
    page.wait_for_function("() => window.files.size === 12")  # the other twelve are decoded
