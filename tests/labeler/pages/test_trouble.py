"""Lost connections, lost labelers, hostile names, broken images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder, wait_for
from tests.labeler.pages.kit import NAMES, NEGATIVE, POSITIVE, UNSURE, Run, kept, prefetch, press, settle, shown

pytestmark = pytest.mark.browser


def test_answers_that_cannot_be_taken_block_nothing(run: Run) -> None:
    run.offer(12)
    page = run.open()
    page.evaluate(
        """(run) => new Promise((done) => {
          const asked = indexedDB.open("active-labeler");
          asked.onsuccess = () => {
            const work = asked.result.transaction("answers", "readwrite");
            const bad = {sequence: 1, item: "x", round: 1, answer: "?"};
            work.objectStore("answers").put({...bad, place: location.pathname, run, client: "tampered", annotator: "Eve"});
            work.oncomplete = () => { asked.result.close(); done(); };
          };
        })""",
        run.name,
    )
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    wait_for(lambda: [each["annotator"] for each in kept(page, "aside")] == ["Eve"])
    assert kept(page) == []


def test_answers_that_did_not_get_through_outlive_a_reload(run: Run) -> None:
    run.offer(24)
    page = run.open()
    page.route("**/sync", lambda route: route.abort())
    page.evaluate("navigator.sendBeacon = () => false")
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_text("2 answers are kept in this browser").wait_for()
    assert run.answers() == []
    page.unroute("**/sync")
    page.route("**/sync", lambda route: route.abort(), times=1)  # and the first try after it fails, too
    page.reload()
    settle(page)
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE)])
    wait_for(lambda: kept(page) == [])
    assert shown(page) == 12  # nobody has given the others back


def test_answers_whose_acknowledgement_was_lost_count_once(run: Run) -> None:
    run.offer(12)
    page = run.open()
    lost: list[int] = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)  # it arrives, and the reply does not
        route.abort()

    page.route("**/sync", lose, times=2)
    press(page, "ArrowRight", "ArrowLeft", "ArrowRight")
    while len(lost) < 2:
        page.wait_for_timeout(50)  # routes are only served meanwhile
    page.locator("#banner").wait_for(state="hidden")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, POSITIVE)])


def test_the_labeler_may_be_killed_and_come_back(
    runs: Callable[..., Run], service: Service, tmp_path: Path, browser: Browser
) -> None:
    paint(tmp_path / "data", NAMES)
    first = Service(tmp_path)
    run = runs(data=tmp_path / "data", of=first)
    run.offer(24)
    page = run.open()
    prefetch(page, 8)
    press(page, "ArrowRight", "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 2)
    first.kill()
    press(page, "ArrowRight", "ArrowRight", "ArrowLeft", "u")
    page.get_by_text("The labeler does not answer. 4 answers are kept in this browser").wait_for()
    settle(page)
    assert shown(page) == 4
    second = Service(tmp_path, ACTIVE_LABELER_WEB_PORT=str(first.port))
    run.service = second
    page.locator("#banner").wait_for(state="hidden")
    press(page, "ArrowRight")
    expected = [(0, 1), (1, 2), (2, 1), (3, 1), (4, 2), (4, 4), (4, 1)]
    wait_for(lambda: run.answers() == expected)
    settle(page)
    assert shown(page) == 5
    second.stop()


def test_hostile_names_are_text(runs: Callable[..., Run], tmp_path: Path) -> None:
    names = ["00<img src=x onerror=alert(1)>.png", "01'\"><script>alert(2)<.png", "02\u202egnp.exe\n.png"]
    paint(tmp_path / "data", names)
    run = runs(data=tmp_path / "data", batch_size=3)
    run.offer(3)
    run.service.open_run(
        publish_folder(ArtifactStore(run.service.folder / "artifacts"), tmp_path / "data"),
        run=run.name,
        question="<img src=x onerror=alert(3)>",
    )
    page = run.open("<b>Ann</b>")
    assert page.locator("#caption").inner_text() == names[0]
    press(page, "ArrowRight", "ArrowRight", "ArrowRight")
    page.get_by_text("Waiting").wait_for()
    page.wait_for_timeout(200)
    assert page.locator("#question").text_content() == "<img src=x onerror=alert(3)>"
    assert page.locator("#who").text_content() == "<b>Ann</b>"
    assert page.locator("img[src=x], script:not([src])").count() == 0
    assert run.errors == []


def test_an_image_that_cannot_be_shown_can_be_left_out(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", NAMES[:3])
    (tmp_path / "data" / NAMES[0]).write_bytes(b"nothing of an image")
    run = runs(data=tmp_path / "data")
    run.offer(3)
    page = run.open(ready=False)
    page.get_by_text("This image cannot be shown").wait_for()
    page.wait_for_timeout(200)
    assert page.get_by_role("button", name="Yes").is_disabled()
    page.keyboard.press("ArrowRight")
    page.get_by_text("answer Unsure").wait_for()
    page.keyboard.press("ArrowDown")
    settle(page)
    wait_for(lambda: run.answers() == [(0, UNSURE)])


@pytest.mark.parametrize("part", ["app.js", "style.css"])
def test_a_part_of_the_page_that_does_not_arrive_is_fetched_again(
    run: Run, browser: Browser, service: Service, part: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    failed: list[str] = []

    def fail_once(route: Any) -> None:
        failed.append(route.request.url)
        if len(failed) == 1:
            route.abort()
        else:
            route.continue_()

    page.route(f"**/{part}", fail_once)
    page.goto(f"{service.url}#/run/{run.name}/label")
    page.get_by_role("textbox").wait_for(timeout=15_000)
    while len(failed) < 2:
        page.wait_for_timeout(50)  # routes are only served meanwhile
    page.wait_for_load_state()
    page.get_by_role("textbox").wait_for()
    context.close()
