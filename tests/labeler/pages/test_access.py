"""Every page for everybody: axe finds nothing, in light and dark, on desktop and phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from protos import control_pb2, rpc
from tests.labeler.kit import Service, paint
from tests.labeler.pages.kit import PHONE, Run, frame, press, settle
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
pytestmark = pytest.mark.browser
ROWS = 60
LOOKS = [({}, "light"), ({}, "dark"), (PHONE, "light")]
IDS = ["desktop", "dark", "phone"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("axe")
    control = kit.Control()
    control.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=ROWS, labels=40, positives=7)
    control.status.question.CopyFrom(control_pb2.Question(id="w", text="And now?", choices=["l", "q"], optional=True))
    control.scores, control.part = np.linspace(0, 1, ROWS, dtype=np.float32), ROWS
    control.points = np.arange(ROWS, dtype=np.uint32) * 65537 * 1000
    control.quarantine = {0: "the file is empty"}
    control.found = [5, 4, 6, 3, 7]
    control.exported = control_pb2.ExportStatus(run="r", state="done", text="csv  /out/images.csv", file=["images.csv"])
    control.prepared.data.add(number=1, name="craters")
    control.prepared.configuration.add(number=2, name="small.yaml")
    control.prepared.encoder.add(number=3, name="hog")
    control.dashboard.pool[:] = [2] * 50
    control.dashboard.sampled[:] = [0] * 20 + [1] * 10 + [0] * 20
    control.dashboard.heads.add(round=1, f1=0.5, precision=0.75, recall=0.5)
    control.progress.head.colour, control.progress.head.text = "amber", "The head still changes its mind"
    for labels in (10, 12):
        control.progress.rounds.add(positive=3, negative=labels)
    server = rpc.serve([kit.registration(control)], f"unix:{folder}/c.sock")
    paint(folder / "labeler" / "data", [f"{n:02}.png" for n in range(ROWS)])
    service = Service(folder / "labeler", ACTIVE_LABELER_CONTROL=server.address)
    made = Run(service, browser, "r", folder / "labeler" / "data", 1000)
    made.offer(ROWS)
    yield made
    made.close()
    service.stop()
    server.stop(0)


# Whether whatever moves or fades to an end has come there.
AT_REST = """() => document.getAnimations().every((one) =>
  one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


def check(page: Page, where: str) -> None:
    """No violation of WCAG 2.2 AA or of axe's own best practices."""
    frame(page)
    page.wait_for_function(AT_REST)  # half faded, a text has less contrast
    found = axe.Axe().run(page).response["violations"]
    said = [
        (each["id"], [node["target"] for node in each["nodes"]][:4], each["nodes"][0]["failureSummary"])
        for each in found
    ]
    assert said == [], where


@pytest.mark.parametrize(("context", "scheme"), LOOKS, ids=IDS)
def test_the_swipe_page_and_all_that_lies_over_it(run: Run, context: dict[str, object], scheme: str) -> None:
    page = run.open(color_scheme=scheme, **context)
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown")
    settle(page)
    check(page, "cards")
    for key in ("?", "g", "b", "n"):
        page.keyboard.press(key)
        page.locator("#panel").wait_for()
        check(page, f"overlay of {key}")
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("button", name="Keys").click()
    check(page, "keys")


@pytest.mark.parametrize(("context", "scheme"), LOOKS, ids=IDS)
def test_the_way_in(run: Run, browser: Browser, context: dict[str, object], scheme: str) -> None:
    made = browser.new_context(color_scheme=scheme, **context)
    page = made.new_page()
    page.goto(f"{run.service.url}#/")
    page.locator("a.run").first.wait_for()
    check(page, "runs")
    page.locator("a.run").first.click()
    page.get_by_role("textbox").wait_for()
    check(page, "name")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Skip the practice").wait_for()
    check(page, "practice")
    made.close()


@pytest.mark.parametrize(("context", "scheme"), LOOKS, ids=IDS)
def test_a_new_run(run: Run, context: dict[str, object], scheme: str) -> None:
    page = run.open(color_scheme=scheme, **context)
    page.goto(f"{run.service.url}#/new")
    page.get_by_role("button", name="Start").wait_for()
    check(page, "new")


@pytest.mark.parametrize(
    "where", ["progress", "seed/5", "grid", "browse", "map", "people", "finish", "over", "quarantine"]
)
@pytest.mark.parametrize(("context", "scheme"), LOOKS, ids=IDS)
def test_the_pages_of_the_whole_data_set(run: Run, context: dict[str, object], scheme: str, where: str) -> None:
    for who, answer in (("Ann", "positive"), ("Bob", "negative")):
        said = {"client": who.lower() * 3, "annotator": who, "events": [{"sequence": 1, "item": 7, "answer": answer}]}
        assert httpx.post(f"{run.service.url}api/runs/r/marks", json=said).status_code == 200
    page = run.open(color_scheme=scheme, **context)
    if where == "over":
        page.route("**/news", lambda route: route.abort())
        over = {"state": "finished", "message": "images   60\ncurated set   7 positive", "question": None}
        known = httpx.get(f"{run.service.url}api/runs/r/loop").json()
        page.route("**/loop", lambda route: route.fulfill(json={**known, **over}))
    page.goto(f"{run.service.url}#/run/r/{where if where != 'over' else 'finish'}")
    page.locator(
        {
            "progress": ".board",
            "map": ".legend li",
            "quarantine": ".aside td",
            "people": ".disputes img",
            "finish": ".files a",
            "over": ".report dd",
        }.get(where, ".tile img[src]")
    ).first.wait_for()
    if where == "map":
        page.get_by_role("button", name="Take what is in sight").click()
        page.locator(".choice img").first.wait_for()
    check(page, where)


@pytest.mark.parametrize("where", ["seed/5", "browse"])
@pytest.mark.parametrize(("context", "scheme"), LOOKS, ids=IDS)
def test_an_image_large(run: Run, context: dict[str, object], scheme: str, where: str) -> None:
    page = run.open(color_scheme=scheme, **context)
    page.goto(f"{run.service.url}#/run/r/{where}")
    page.locator(".tile img[src]").first.wait_for()
    page.locator(".tile").first.dblclick()
    page.wait_for_function("() => document.querySelector('.large img')?.src.includes('/images/')")
    check(page, f"{where}, large")
    page.keyboard.press("+")
    check(page, f"{where}, enlarged")
