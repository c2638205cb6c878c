"""The dashboard, people, exports and what was set aside, in a real browser, with a real labeler behind them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from protos import control_pb2, labeler_pb2
from tests.labeler.kit import wait_for
from tests.labeler.pages.kit import HOSTILE, PHONE, POSITIVE, ROWS, UNSURE, Run, look, press, settle
from tests.support import control as kit

pytestmark = pytest.mark.browser


@pytest.fixture
def run(led_run: Run) -> Run:
    return led_run


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_the_dashboard_shows_the_pool_and_steers_the_loop(
    run: Run, control: kit.Control, context: dict[str, object]
) -> None:
    control.dashboard.pool[:] = [2] * 49 + [1_000_000]
    for positive, negative in ((3, 7), (9, 15)):
        control.progress.rounds.add(positive=positive, negative=negative)
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
    assert page.get_by_role("img", name="positives found with").get_attribute("aria-label").startswith("12 positives")
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
    wait_for(lambda: control.exports == [(["csv"], ["onnx"])])  # the button says so before it is asked for
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
    before = len(control.exports)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Exporting").wait_for()
    wait_for(lambda: len(control.exports) > before)
    control.exported = control_pb2.ExportStatus(run="r", state="failed", text="the disk is full")
    page.get_by_text("the disk is full").wait_for()


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


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_is_over_is_steered_no_more(run: Run, control: kit.Control, state: str) -> None:
    page = look(run, "people")
    page.goto(f"{run.service.url}#/run/r/progress")
    page.get_by_role("button", name="Stop").wait_for()
    control.status = control_pb2.RunStatus(run="r", state=state, message="that is why")
    page.get_by_role("button", name="Stop").wait_for(state="detached", timeout=60_000)
    assert page.get_by_role("button", name="Continuous mode").count() == 0
    assert page.locator(".board").count() == 1


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


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_whoever_comes_before_there_are_cards_sees_how_far_they_are(
    run: Run, control: kit.Control, context: dict[str, object]
) -> None:
    control.status = control_pb2.RunStatus(run="r", state="running")
    board = control.dashboard
    board.step, board.done, board.total, board.per_second = "embedding <b>", 1200, 18_200, 50.0
    run.service.stub.Withdraw(labeler_pb2.WithdrawRequest(run="r", round=1))
    page = run.open(ready=False, **context)
    page.get_by_role("heading", name="The images are being prepared").wait_for()
    page.get_by_text("embedding <b>: 1,200 of 18,200 images, 50 a second, 6 minutes left").wait_for()
    assert page.get_by_text("The first images appear here by themselves").is_visible()
    assert page.get_by_text("All your answers are saved").count() == 0  # there are none
    page.get_by_role("link", name="Search").wait_for()
    board.step = ""
    control.status = control_pb2.RunStatus(run="r", state="asking")
    control.status.question.CopyFrom(control_pb2.Question(id="seed-0/count", text="How many?"))
    page.get_by_role("heading", name="The loop waits for a decision").wait_for()
    run.service.offer(range(3), number=0, run="r")
    settle(page)
    assert run.errors == []


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_whoever_labels_while_the_images_are_embedded_sees_how_far_they_are_and_what_it_shows(
    run: Run, control: kit.Control, context: dict[str, object]
) -> None:
    control.status = control_pb2.RunStatus(run="r", state="running", labels=2, positives=1)
    board = control.dashboard
    board.step, board.done, board.total, board.per_second = "Embedding", 1200, 18_200, 50.0
    run.service.open_run(run.catalog, run="r", batch_size=2)
    run.service.offer(range(6), number=0, run="r")
    run.service.stub.Withdraw(labeler_pb2.WithdrawRequest(run="r", round=1))
    page = run.open(**context)
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_role("heading", name="2 images done").wait_for()
    page.get_by_text("Embedding: 1,200 of 18,200 images, 50 a second, 6 minutes left").wait_for()
    page.get_by_text("The images until then are drawn by lot").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    board.step = ""
    page.get_by_text("drawn by lot").wait_for(state="detached")
    board.prevalence_at_least, board.prevalence_at_most, board.prevalence_drawn = 0.0119, 0.2511, 1200
    control.progress.rounds.add(positive=1, negative=1)
    page.goto(f"{run.service.url}#/run/r/progress")
    told = "Of all images, 1.1 % to 26 % are positive, by 1,200 images drawn by lot (95 % confidence)."
    page.get_by_text(told).wait_for()
    page.get_by_role("img", name="at random it would be 0 to 1 (the band)").wait_for()
    board.prevalence_drawn = 0
    page.get_by_text("found so far, and what the audit leaves room for").wait_for()
    assert run.errors == []


def test_what_was_set_aside_is_a_page_of_names_and_reasons(run: Run, control: kit.Control) -> None:
    page = look(run, "quarantine")
    page.get_by_text("Every image could be read.").wait_for()
    assert page.locator("table").count() == 0
    page.context.close()
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
