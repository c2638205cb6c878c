"""Starting a run from the page, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from protos import control_pb2
from protos.errors import ConflictError
from tests.labeler.pages.kit import HOSTILE, PHONE, Run, count_files
from tests.support import control as kit

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _laid_out(control: kit.Control) -> None:
    thing = control_pb2.PreparedThing
    control.prepared = control_pb2.Prepared(
        data=[thing(number=1, name="all of data"), thing(number=2**48 - 1, name=HOSTILE)],
        configuration=[thing(number=3, name="small.yaml")],
        encoder=[thing(number=4, name="hog: outlines and colours, needs no file"), thing(number=5, name="moco.ckpt")],
    )


@pytest.mark.parametrize("context", [{}, PHONE], ids=["desktop", "phone"])
def test_a_run_is_chosen_started_watched_and_labelled(
    led_run: Run, control: kit.Control, tmp_path: Path, context: dict[str, object]
) -> None:
    page = led_run.open(**context)
    page.goto(f"{led_run.service.url}#/")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Data set").select_option(label=HOSTILE)
    page.get_by_label("What people are asked").fill("Is there a crater?")
    page.get_by_label("Encoder").select_option(label="moco.ckpt")
    Image.new("RGB", (900, 700), "teal").save(tmp_path / "one.png")
    page.get_by_label("One image of what you look for").set_input_files(tmp_path / "one.png")
    page.wait_for_function("() => document.querySelector('img.reference')?.naturalWidth === 900")
    control.status = control_pb2.RunStatus(run="r", state="running", step="Embedding")
    control.dashboard.step, control.dashboard.done, control.dashboard.total = "Embedding", 400, 1000
    page.get_by_role("button", name="Start").click()
    page.get_by_text("400 of 1,000 images").wait_for()
    asked = control.chosen[-1]
    assert (asked.data, asked.configuration, asked.encoder) == (2**48 - 1, 0, 5)
    assert asked.question == "Is there a crater?"
    assert asked.reference.startswith(b"\xff\xd8")
    control.status = control_pb2.RunStatus(run="r", state="labeling", round=1)
    page.locator(".card:not(.leaving) img").wait_for()
    assert page.url.endswith("#/run/r/label")
    assert not led_run.errors


def test_why_a_run_did_not_start_or_ended_is_said(led_run: Run, control: kit.Control, tmp_path: Path) -> None:
    page = led_run.open()
    page.goto(f"{led_run.service.url}#/new")
    (tmp_path / "no.jpg").write_text("no image")
    page.get_by_label("One image of what you look for").set_input_files(tmp_path / "no.jpg")
    page.get_by_text("This browser cannot show no.jpg").wait_for()
    control.error = ConflictError("the folder is in use by the run x")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("the folder is in use by the run x").wait_for()
    control.error = None
    control.status = control_pb2.RunStatus(run="r", state="failed", message="no encoder is named")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("no encoder is named").wait_for()
    page.get_by_role("button", name="Choose again").click()
    page.get_by_label("Data set").wait_for()
    led_run.errors.clear()  # the browser's own word of the refusal


def test_a_picture_that_is_not_shown_any_more_takes_no_memory(led_run: Run, tmp_path: Path) -> None:
    page = led_run.open()
    page.goto(f"{led_run.service.url}#/")
    count_files(page)
    page.get_by_role("link", name="Start a run").click()
    for number, colour in enumerate(("teal", "navy"), start=1):
        Image.new("RGB", (900 + number, 700), colour).save(tmp_path / f"{number}.png")
        page.get_by_label("One image of what you look for").set_input_files(tmp_path / f"{number}.png")
        page.wait_for_function(f"() => document.querySelector('img.reference')?.naturalWidth === {900 + number}")
        page.wait_for_function("() => window.files.size === 1")
    page.get_by_role("link", name="Back").click()
    page.wait_for_function("() => window.files.size === 0")


def test_where_nothing_is_laid_out_nothing_is_offered(led_run: Run, control: kit.Control) -> None:
    control.prepared = control_pb2.Prepared()
    page = led_run.open()
    page.goto(f"{led_run.service.url}#/")
    page.locator("a.run").first.wait_for()
    assert page.get_by_role("link", name="Start a run").count() == 0
    page.goto(f"{led_run.service.url}#/new")
    page.get_by_text("There are no images to choose from").wait_for()
