"""The end of a run, and what it would be now, in a real browser."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from protos import control_pb2
from tests.labeler.pages.kit import PHONE, Run, finish_after_a_second_thought, look
from tests.support import control as kit

pytestmark = pytest.mark.browser
REPORT = """images           60, 2 of them unreadable and set aside
labels used      40 (7 positive, 33 negative) in the seed set and 3 rounds
curated set      9 positive, 49 negative
proof            At least 95.0 % are right. It begins with a probability of 0.61.
data set         /results/<b>final_dataset</b>"""


@pytest.fixture
def run(led_run: Run) -> Run:
    return led_run


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_how_a_run_would_end_and_its_end(run: Run, control: kit.Control, context: dict[str, object]) -> None:
    control.status.question.CopyFrom(  # type: ignore[union-attr]
        control_pb2.Question(id="round-3/choice", text="And now?", choices=["l", "q"])
    )
    control.dashboard.pool[:] = [10] * 40 + [1] * 10
    control.dashboard.threshold = 0.8
    control.progress.head.colour, control.progress.head.text = "amber", "The head still changes its mind"
    page = look(run, "finish", **context)
    page.get_by_text("about 10 images of 410 would be positive: those with a probability of 0.80 or more").wait_for()
    assert page.get_by_text("7 found with 40 labels of 60 images").is_visible()
    assert page.get_by_text("The head still changes its mind").is_visible()
    finish_after_a_second_thought(page, control)
    control.status = control_pb2.RunStatus(run="r", state="finished", images=60, labels=40, message=REPORT)
    page.get_by_role("heading", name="The run is finished").wait_for()
    assert page.locator(".report dt").all_inner_texts() == [line[:15].strip() for line in REPORT.splitlines()]
    assert page.locator(".report dd").last.inner_text() == "/results/<b>final_dataset</b>"
    assert (
        page.get_by_role("button", name="Finish the run").count()
        == page.get_by_role("button", name="Export").count()
        == 0
    )  # there is nothing left to end
    assert page.get_by_text("active-labeler predict").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{run.service.url}#/run/r/progress")
    page.get_by_role("link", name="What came of it").click()
    page.get_by_text("At least 95.0 % are right").wait_for()
    assert [said for said in run.errors if not said.startswith("dialog")] == []


@pytest.mark.parametrize("view", ["finish", "progress"])
def test_a_page_that_closes_with_its_run_keeps_what_it_was_told(run: Run, control: kit.Control, view: str) -> None:
    control.status.message = REPORT  # type: ignore[union-attr]  # the last word of a run on one machine
    page = look(run, "finish")
    page.evaluate("view => { location.hash = `#/run/r/${view}`; }", view)
    page.get_by_text("At least 95.0 % are right").wait_for()
    assert page.get_by_role(
        "heading", name="The run is finished"
    ).is_visible()  # although it says for seconds that it runs
    run.service.stop()
    page.get_by_text("The page has closed with the run").wait_for()
    assert page.get_by_role("heading", name="The run is finished").is_visible()
    assert page.get_by_role("link", name="Back to labeling").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_text("At least 95.0 % are right").is_visible()


def test_what_was_exported_comes_as_one_with_the_lines_that_load_it(
    run: Run, control: kit.Control, tmp_path: Path
) -> None:
    control.files, control.part = {"images.csv": b"path\n" * 500, "final_model.ckpt": b"m" * 900}, 1000
    control.exported = control_pb2.ExportStatus(run="r", state="done", text="csv  /out", file=list(control.files))
    page = look(run, "finish")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all in one").click()
    waiting.value.save_as(tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == control.files
    assert page.locator("pre.code").inner_text().splitlines() == [
        "import active_labeler, pandas",
        'images = pandas.read_csv("images.csv")',
        'model = active_labeler.load_model("final_model.ckpt")',
    ]


def test_why_a_run_has_failed_is_said_where_one_looks(run: Run, control: kit.Control) -> None:
    control.status.state, control.status.message = "failed", "the GPU is gone: <b>cuda:0</b>"  # type: ignore[union-attr]
    page = look(run, "finish")
    page.get_by_text("the GPU is gone: <b>cuda:0</b>").wait_for()
    page.goto(f"{run.service.url}#/run/r/progress")
    page.get_by_role("heading", name="The run has failed").wait_for()
    assert page.get_by_text("the GPU is gone: <b>cuda:0</b>").is_visible()
