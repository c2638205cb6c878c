"""Search, grid, browse and the dashboard in a real browser, with a real labeler behind them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from protos import control_pb2, rpc
from tests.labeler.kit import Service, paint, wait_for
from tests.labeler.pages.kit import NEGATIVE, PHONE, POSITIVE, RETRACTED, UNSURE, Run
from tests.support import control as kit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROWS = 60
HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def control() -> kit.Control:
    made = kit.Control()
    made.status = control_pb2.RunStatus(run="r", state="labeling", round=3, images=ROWS, labels=40, positives=7)
    made.scores, made.part = np.linspace(0, 1, ROWS, dtype=np.float32), ROWS
    made.found = [5, 4, 6, 3, 7]
    return made


@pytest.fixture
def run(tmp_path: Path, control: kit.Control, browser: Browser) -> Iterator[Run]:
    server = rpc.serve([kit.registration(control)], f"unix:{tmp_path}/c.sock")
    paint(tmp_path / "labeler" / "data", [f"{n:02}.png" for n in range(ROWS - 1)] + [HOSTILE])
    service = Service(tmp_path / "labeler", ACTIVE_LABELER_CONTROL=server.address)
    made = Run(service, browser, "r", tmp_path / "labeler" / "data", 10)
    made.offer()
    yield made
    made.close()
    service.stop()
    server.stop(0)


def look(run: Run, page_name: str, **context: object) -> Page:
    page = run.open(**context)
    page.goto(f"{run.service.url}#/run/r/{page_name}")
    page.locator(".view").wait_for()
    return page


def loaded(page: Page, count: int) -> None:
    page.wait_for_function(
        "(count) => [...document.querySelectorAll('.tile img')].filter((i) => i.complete && i.naturalWidth > 0).length >= count",
        arg=count,
    )
    page.wait_for_timeout(150)  # and are seen on screen


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


def test_labels_wait_in_the_browser_while_the_labeler_is_away(run: Run) -> None:
    page = look(run, "browse")
    page.get_by_role("button", name="00.png").focus()
    page.context.set_offline(True)
    page.keyboard.press("n")
    page.get_by_text("1 label is kept in this browser").wait_for()
    assert run.answers() == []
    page.context.set_offline(False)
    wait_for(lambda: run.answers() == [(0, NEGATIVE)])


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_the_dashboard_shows_the_pool_and_steers_the_loop(
    run: Run, control: kit.Control, context: dict[str, object]
) -> None:
    control.dashboard.pool[:] = [2] * 50
    control.dashboard.sampled[:] = [0] * 20 + [1] * 10 + [0] * 20
    control.dashboard.sampled_round = 3
    control.dashboard.heads.add(round=1, f1=0.5, precision=0.75, recall=float("nan"))
    control.dashboard.step, control.dashboard.done, control.dashboard.total = "Embedding", 100, 1000
    control.dashboard.per_second = 30
    control.dashboard.workers.add(name=f"host-{HOSTILE}", device="cuda:1 NVIDIA H200", per_second=25.4)
    control.dashboard.workers.add(name="embedder-2-0a1b2c3d", device="cpu", per_second=4.6)
    page = run.open(**context)
    page.get_by_role("link", name="Progress").click()
    page.get_by_role("img", name="round 3 asked for those from 0.40 to 0.60").wait_for()
    workers = page.get_by_role("region", name="2 workers at work").get_by_role("row")
    assert [row.inner_text().split("\t") for row in workers.all()[1:]] == [
        [f"host-{HOSTILE}", "cuda:1 NVIDIA H200", "25"],
        ["embedder-2-0a1b2c3d", "cpu", "4.6"],
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "75 %" in page.get_by_role("region", name="Heads on held-out images").inner_text()
    assert "Embedding: 100 of 1,000 images, 30 a second, 30 seconds left" in page.locator("#panel").inner_text()
    page.get_by_role("button", name="Continuous mode on").click()
    wait_for(lambda: control.continuous is True)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Stop").click()
    assert not control.stopped
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    wait_for(lambda: control.stopped)
    assert [error for error in run.errors if not error.startswith("dialog ")] == []


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_what_people_differ_about_is_settled(run: Run, context: dict[str, object]) -> None:
    with httpx.Client(base_url=run.service.url, timeout=20) as web:
        for who, answer in ((HOSTILE, "positive"), ("Bob", "negative")):
            said = [{"sequence": n, "item": item, "answer": answer} for n, item in enumerate((7, ROWS - 1))]
            events = [*said, {"sequence": 9, "item": 3, "answer": "positive"}]
            body = {"client": who[:3].lower().replace("<", "x") * 4, "annotator": who, "events": events}
            assert web.post("api/runs/r/marks", json=body).status_code == 200
    page = look(run, "people", **context)
    page.get_by_role("heading", name="2 images to settle").wait_for()
    page.get_by_text("low: sharpen the definition").wait_for()
    first = page.locator(".disputes > li").first
    assert first.locator("ul li").all_inner_texts() == [f"{HOSTILE}: ✓ yes", "Bob: ✕ no"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Yes: 07.png").click()
    page.get_by_role("heading", name="1 image to settle").wait_for()
    page.get_by_role("button", name=f"Unsure: {HOSTILE}").click()
    page.get_by_role("heading", name="Nobody disagrees").wait_for()
    wait_for(lambda: run.answers()[-2:] == [(7, POSITIVE), (ROWS - 1, UNSURE)])
    assert page.locator(".view img").count() == 0
    assert run.errors == []


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_an_export_is_chosen_awaited_and_downloaded(
    run: Run, control: kit.Control, context: dict[str, object], tmp_path: Path
) -> None:
    page = look(run, "export", **context)
    page.get_by_label("The model, ONNX").check()
    page.get_by_label("JSON Lines").uncheck()
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Exporting").wait_for()
    assert control.exports == [(["csv"], ["onnx"])]
    control.files = {"images.csv": b"path,side\n" * 500}
    control.part = 1000
    control.exported = control_pb2.ExportStatus(run="r", state="done", text="csv  /<b>out</b>", file=["images.csv"])
    page.get_by_text("/<b>out</b>").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download images.csv").click()
    waiting.value.save_as(tmp_path / "got.csv")
    assert (tmp_path / "got.csv").read_bytes() == control.files["images.csv"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    control.refusal = "nothing is embedded yet; ask again later"
    page.get_by_role("button", name="Export").click()
    page.get_by_text("nothing is embedded yet").wait_for()
    control.refusal, control.exported = "", control_pb2.ExportStatus(run="r", state="failed", text="the disk is full")
    page.reload()
    page.get_by_role("button", name="Export").wait_for()
    assert page.get_by_text("the disk is full").count() == 0  # a failure of an earlier visit
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Exporting").wait_for()
    control.exported = control_pb2.ExportStatus(run="r", state="failed", text="the disk is full")
    page.get_by_text("the disk is full").wait_for()


def test_the_grid_of_a_run_without_a_model_shows_nothing_to_commit(run: Run, control: kit.Control) -> None:
    control.scores = np.full(ROWS, np.nan, dtype=np.float32)
    page = look(run, "grid")
    page.get_by_text("there is no model yet").wait_for()
    assert page.get_by_role("button", name="Commit this page").is_disabled()
    assert page.locator(".tile").count() == 0


def test_annotators_are_offered_nothing_of_the_loop(run: Run, control: kit.Control) -> None:
    assert control.status is not None
    control.status.question.CopyFrom(control_pb2.Question(id="w", text="And now?", choices=["l", "q"]))
    page = run.open()
    page.goto(f"{run.service.url}#/run/r/progress")
    page.get_by_role("button", name="Finish the run").wait_for()
    page.evaluate("document.documentElement.dataset.role = 'annotator'")
    assert page.get_by_role("button", name="Finish the run").is_hidden()
    assert page.get_by_role("button", name="Continuous mode").is_hidden()
    assert page.get_by_text("An admin answers this").is_visible()


def test_whoever_waits_is_told_that_the_loop_waits(run: Run, control: kit.Control) -> None:
    assert control.status is not None
    page = run.open()
    waiting = page.get_by_text("Waiting for the next images")
    for _ in range(40):
        if waiting.is_visible():
            break
        ended = page.get_by_role("button", name="Continue labeling").is_visible()
        page.keyboard.press("Enter" if ended else "ArrowRight")
        page.wait_for_timeout(150)
    page.get_by_text("Waiting for the next images").wait_for()
    control.status.question.CopyFrom(control_pb2.Question(id="round-1/choice", text="And now?", choices=["l", "q"]))
    page.get_by_role("heading", name="The loop waits for a decision").wait_for()
    control.status.ClearField("question")
    page.get_by_role("heading", name="Waiting for the next images").wait_for()


def test_what_was_set_aside_is_a_page_of_names_and_reasons(run: Run, control: kit.Control) -> None:
    control.quarantine = {ROWS - 1: "damaged image: <b>broken</b>", **dict.fromkeys(range(50), "the file is empty")}
    control.part = 1000
    page = look(run, "quarantine", **PHONE)
    page.get_by_text("51 images cannot be read").wait_for()
    assert page.get_by_text("the file is empty: 50 · damaged image: 1").is_visible()
    rows = page.locator(".aside tbody tr")
    assert rows.count() == 51 and rows.nth(50).inner_text().split("\t") == [HOSTILE, "damaged image: <b>broken</b>"]
    assert page.locator(".aside b, .aside img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{run.service.url}#/run/r/progress")
    control.status.quarantined = 51  # type: ignore[union-attr]
    page.get_by_role("link", name="51 of them unreadable").click()
    page.get_by_text("51 images cannot be read").wait_for()
