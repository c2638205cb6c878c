"""Sizes, light and dark, and where the page may live."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.labeler.kit import paint, wait_for
from tests.labeler.pages.kit import PHONE, POSITIVE, UNSURE, Run, drag, press, settle

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (390, 844), (360, 640)])
def test_the_image_has_three_quarters_and_buttons_fit_a_thumb(run: Run, size: tuple[int, int]) -> None:
    run.offer()
    page = run.open(viewport={"width": size[0], "height": size[1]})
    assert page.locator("#stage").bounding_box()["height"] >= 0.74 * size[1]
    for button in page.locator("#buttons button").all():
        box = button.bounding_box()
        assert box["height"] >= 56
        assert box["width"] >= 56
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("width", [320, 280])
def test_on_the_narrowest_screens_every_answer_is_in_sight(run: Run, width: int) -> None:
    run.offer()
    page = run.open(viewport={"width": width, "height": 480})
    for button in page.locator("#buttons button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["width"] >= 56
        assert button.evaluate("each => each.scrollWidth <= each.clientWidth + 1")  # nor is its word cut off


def test_pulling_down_is_an_answer_and_no_refresh(run: Run) -> None:
    run.offer()
    page = run.open(**PHONE)
    page.evaluate("window.stays = true")
    for element in ("html", "body"):
        assert page.locator(element).evaluate("each => getComputedStyle(each).overscrollBehaviorY") == "none"
    assert page.locator("#stage").evaluate("each => getComputedStyle(each).touchAction") == "none"
    settle(page)
    drag(page, 0, 400)
    wait_for(lambda: run.answers() == [(0, UNSURE)])
    assert page.evaluate("window.stays")


def test_on_its_side_a_phone_shows_everything(run: Run) -> None:
    run.offer()
    page = run.open(viewport={"width": 844, "height": 390}, has_touch=True)
    for button in page.locator("#buttons button").all():
        box = button.bounding_box()
        assert box["x"] + box["width"] <= 844
        assert box["y"] + box["height"] <= 390
    assert page.locator("#stage").bounding_box()["height"] >= 0.75 * 390


def test_small_images_show_their_pixels(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", ["00.png"], (32, 32))
    run = runs(data=tmp_path / "data")
    run.offer(1)
    page = run.open()
    assert page.locator(".card img").evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    assert page.locator(".card img").bounding_box()["height"] > 400


def test_nothing_of_the_loop_is_offered_where_there_is_none(run: Run) -> None:
    run.offer()
    page = run.open()
    assert page.locator("#to-progress").is_hidden()
    page.get_by_role("button", name="More").click()
    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Browse").wait_for()
    assert pages.locator("a:visible").all_inner_texts() == ["Browse", "People"]
    pages.get_by_role("link", name="Browse").click()
    page.locator(".view").wait_for()
    assert page.locator(".view nav a:visible").all_inner_texts() == ["Label", "Browse", "People"]


def test_dark_and_light(run: Run) -> None:
    run.offer()
    page = run.open(color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(ground) == "rgb(17, 17, 17)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == "rgb(250, 250, 250)"


def test_behind_a_prefix(run: Run) -> None:
    run.offer()
    inner = httpx.Client(base_url=run.service.url)

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            assert self.path.startswith("/proxy/5000/"), self.path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix("/proxy/5000/")
            answer = inner.request(self.command, path, content=body, headers=dict(self.headers))
            self.send_response(answer.status_code)
            for name in ("content-type", "content-security-policy"):
                self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    page = run.open(url=f"http://127.0.0.1:{proxy.server_port}/proxy/5000/")
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    page.close()
    proxy.shutdown()
    proxy.server_close()
    inner.close()
    assert run.errors == []
