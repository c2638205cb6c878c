"""All pixels of an image with more than 4,096 of them, in a real browser: on the table, and large on the other pages."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import PHONE, POSITIVE, Run, drag, pinch, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
WIDTH, HEIGHT = 12_800, 500
POCKET = {**PHONE, "device_scale_factor": 3}
# Whether pieces with all of the pixels lie under the middle of the stage and on either side of it.
COVERED = """([stage, words]) => {
  const box = document.querySelector(stage).getBoundingClientRect();
  const pieces = [...document.querySelectorAll(`${stage} .pieces img`)].filter((i) => words.every((word) => i.src.includes(word)))
    .map((image) => image.getBoundingClientRect());
  return [[0.5, 0.5], [0.05, 0.25], [0.95, 0.25], [0.05, 0.75], [0.95, 0.75]].every(([x, y]) => pieces.some((piece) => {
    const px = box.left + x * box.width, py = box.top + y * box.height;
    return piece.left <= px && piece.right >= px && piece.top <= py && piece.bottom >= py;
  }));
}"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of one pixel, black and white, and from the middle on black and yellow: nobody sees them in a smaller picture."""
    folder = tmp_path_factory.mktemp("closer") / "data"
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[:, ::2] = 255
    pixels[:, WIDTH // 2 :, 2] = 0
    paint(folder, ["b.png"], (200, 150))
    Image.fromarray(pixels).save(folder / "a.png", compress_level=1)
    return folder


@pytest.fixture
def run(runs: Callable[..., Run], data: Path) -> Run:
    made = runs(data=data)
    made.offer(2)
    return made


def asked(page: Page) -> list[str]:
    """The addresses, from here on, of what only a closer look asks for."""
    addresses: list[str] = []
    page.on("request", lambda r: addresses.append(r.url) if "/pieces/" in r.url or "/size?" in r.url else None)
    return addresses


def covered(page: Page, stage: str, *words: str) -> None:
    page.wait_for_function(COVERED, arg=[stage, ["/pieces/", *words]])


def begun(page: Page, stage: str) -> None:
    """Until the page knows how many pixels there are, and so how closely one may look."""
    page.wait_for_function("(stage) => document.querySelectorAll(`${stage} .pieces img`).length > 0", arg=stage)


def seen(page: Page, stage: str) -> NDArray[np.int16]:
    """The middle of the image as it is on the screen, 120 px wide."""
    box = page.locator(f"{stage} .card:not(.leaving) > img").bounding_box()
    middle = {"x": box["x"] + box["width"] / 2 - 60, "y": box["y"] + box["height"] / 2 - 20, "width": 120, "height": 40}
    with Image.open(io.BytesIO(page.screenshot(clip=middle))) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def eventually(page: Page, what: Callable[[], bool]) -> None:
    """Until something is so that this test hears from the browser."""
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        page.wait_for_timeout(20)


def has_lines(page: Page, stage: str) -> bool:
    """Whether black and white, and black and yellow can be told apart on either side of the middle."""
    red, _, blue = np.moveaxis(seen(page, stage), -1, 0)
    middle, away = red.shape[1] // 2, red.shape[1] // 50
    left, right = np.s_[:, : middle - away], np.s_[:, middle + away :]
    return bool(
        red[left].std() > 40 and blue[left].std() > 40 and red[right].std() > 40 and np.median(blue[right]) < 60
    )


def test_the_image_on_the_table_shows_all_its_pixels_where_one_looks_closely(run: Run) -> None:
    page = run.open()
    requests = asked(page)
    for _ in range(3):
        page.keyboard.press("+")
    begun(page, "#stage")
    assert requests[0].split("?")[0].endswith("/images/0/size")
    assert all("/pieces/1/" in address for address in requests[1:])  # half of its pixels are as many as the screen has
    for _ in range(6):
        page.keyboard.press("+")
    covered(page, "#stage", "/pieces/0/")
    wait_for(lambda: has_lines(page, "#stage"))
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pieces img')].every((i) => i.src.includes('/pieces/0/'))"
    )
    columns = {int(address.split("/pieces/0/")[1].split("/")[0]) for address in requests if "/pieces/0/" in address}
    assert columns <= set(range(10, 16))  # of 25: those in sight, also while it was enlarged
    drawn = page.locator("#stage .pieces img").first.evaluate("image => getComputedStyle(image).imageRendering")
    assert drawn == "pixelated"
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    covered(page, "#stage", "/pieces/0/")
    page.keyboard.press("0")
    page.locator("#stage .pieces").wait_for(state="detached")
    assert run.errors == []


def test_answers_wait_for_no_piece_and_small_images_have_none(run: Run) -> None:
    page = run.open()
    requests = asked(page)
    page.route("**/pieces/**", lambda route: None)  # they never come
    for _ in range(9):
        page.keyboard.press("+")
    eventually(page, lambda: any("/pieces/" in address for address in requests))
    settle(page)
    page.keyboard.press("ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    page.wait_for_function("() => document.querySelector('.card:not(.leaving) img')?.alt.includes('b.png')")
    requests.clear()
    with page.expect_response(lambda response: "/images/1?" in response.url and "size=full" in response.url):
        page.keyboard.press("+")
    page.wait_for_function("() => document.querySelector('.card:not(.leaving) img')?.src.includes('size=full')")
    settle(page)
    assert requests == []
    page.keyboard.press("ArrowRight")
    wait_for(lambda: len(run.answers()) == 2)


def test_what_did_not_come_comes_when_it_can(run: Run) -> None:
    page = run.open()
    page.route("**/pieces/**", lambda route: route.abort())
    requests = asked(page)
    for _ in range(9):
        page.keyboard.press("+")
    eventually(page, lambda: sum("/pieces/0/" in address for address in requests) >= 2)
    page.unroute("**/pieces/**")
    covered(page, "#stage", "/pieces/0/")
    assert all("ERR_FAILED" in error for error in run.errors)


def test_what_is_no_longer_in_sight_holds_nothing_up(run: Run) -> None:
    page = run.open()
    page.route("**/pieces/1/**", lambda route: None)  # they never come
    requests = asked(page)
    for _ in range(3):
        page.keyboard.press("+")
    eventually(page, lambda: sum("/pieces/1/" in address for address in requests) >= 4)  # no more are asked for at once
    for _ in range(6):
        page.keyboard.press("+")
    covered(page, "#stage", "/pieces/0/")
    assert run.errors == []


def test_large_in_browse_it_shows_the_same_by_the_wheel_and_brightened(run: Run) -> None:
    page = run.open()
    page.goto(f"{run.service.url}#/run/{run.name}/browse")
    page.get_by_role("button", name="a.png").dblclick()
    page.locator(".large .stage").hover()
    page.mouse.wheel(0, -600)
    begun(page, ".large .stage")
    for _ in range(10):
        page.mouse.wheel(0, -100)
    covered(page, ".large .stage", "/pieces/0/")
    wait_for(lambda: has_lines(page, ".large .stage"))
    page.get_by_role("button", name="Brighten").click()
    covered(page, ".large .stage", "levels=auto")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pieces img')].every((i) => i.src.includes('levels=auto'))"
    )
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="b.png").wait_for()
    assert page.locator(".pieces").count() == 0
    assert run.errors == []


def test_on_a_phone_two_fingers_lead_to_all_pixels_and_one_moves_them(run: Run) -> None:
    page = run.open(**POCKET)
    pinch(page, 20, 180)
    begun(page, "#stage")
    pinch(page, 20, 180)
    covered(page, "#stage", "/pieces/0/")
    wait_for(lambda: has_lines(page, "#stage"))
    for _ in range(7):
        drag(page, 160, 0, ms=80)
    covered(page, "#stage", "/pieces/0/11/")  # the one to the left of the middle
    assert run.answers() == []
    assert run.errors == []


def test_on_a_phone_the_large_view_shows_them_too(run: Run) -> None:
    page = run.open(**POCKET)
    page.goto(f"{run.service.url}#/run/{run.name}/browse")
    page.get_by_role("button", name="a.png").tap()
    page.get_by_role("button", name="Look closely").tap()
    page.wait_for_function("() => document.querySelector('.large img')?.naturalWidth === 1600")
    pinch(page, 20, 180, ".large .stage")
    begun(page, ".large .stage")
    pinch(page, 20, 180, ".large .stage")
    covered(page, ".large .stage", "/pieces/0/")
    wait_for(lambda: has_lines(page, ".large .stage"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert run.errors == []
