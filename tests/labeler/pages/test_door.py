"""Coming in by a link, in a real browser."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import segno
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from tests.labeler.kit import Service, paint, wait_for
from tests.labeler.pages.kit import NAMES, PHONE, UNSURE, Run, press, settle

pytestmark = pytest.mark.browser


@pytest.fixture
def run(guarded_run: Run) -> Run:
    return guarded_run


def token(service: Service, role: str) -> str:
    return str(json.loads((service.folder / "labels" / "access.json").read_text())[role])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**PHONE)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    context.close()


def inside(page: Page) -> None:
    """Until the page asks for a name, or which run it shall be."""
    page.locator("#panel button, #panel a.run").first.wait_for()


def modules(page: Page, text: str) -> list[list[bool]]:
    """Which modules of the code on the page are dark, read from its pixels as a phone does."""
    picture = page.get_by_alt_text("The same link")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    with Image.open(io.BytesIO(picture.screenshot())) as opened:
        pixels = opened.convert("L")
    side = len(segno.make(text, error="m").matrix)
    dot = pixels.width / (side + 8)  # four of rest around it
    middles = [int((4.5 + n) * dot) for n in range(side)]
    return [[pixels.getpixel((x, y)) < 128 for x in middles] for y in middles]


def start(page: Page) -> None:
    page.get_by_role("textbox").fill("Ann")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Skip the practice").click()


def test_a_link_lets_in_and_its_token_stays_nowhere_to_be_seen(run: Run, guarded: Service, page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    secret = token(guarded, "annotator")
    page.goto(f"{guarded.url}join#{secret}")
    start(page)
    press(page, "ArrowRight")
    wait_for(lambda: len(run.answers()) == 1)
    assert secret not in page.url
    assert not [url for url in requests if secret in url]
    assert secret not in page.evaluate("() => document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
    page.go_back()
    assert secret not in page.url
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")


@pytest.mark.parametrize("role", ["annotator", "admin"])
def test_what_only_an_admin_may_do_is_not_offered_to_others(
    runs: Callable[..., Run], guarded: Service, page: Page, role: str
) -> None:
    run = runs(of=guarded, data=guarded.folder / "data", batch_size=2)
    run.offer()
    page.goto(f"{guarded.url}join#{token(guarded, role)}")
    inside(page)
    page.goto(f"{guarded.url}#/run/{run.name}/label")
    start(page)
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_text("2 images done").wait_for()
    page.get_by_role("button", name="Continue labeling").wait_for()
    assert page.get_by_role("button", name="Finish batch early").is_visible() == (role == "admin")


def test_an_annotator_sees_her_own_answers_and_corrects_them(
    runs: Callable[..., Run], guarded: Service, browser: Browser, page: Page
) -> None:
    run = runs(of=guarded, data=guarded.folder / "data")
    run.offer()
    page.goto(f"{guarded.url}join#{token(guarded, 'annotator')}")
    inside(page)
    page.goto(f"{guarded.url}#/run/{run.name}/label")
    start(page)
    page.get_by_role("button", name="More").click()
    words = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert words == ["Your answers"]  # nor a loop's pages where there is none
    page.keyboard.press("Escape")
    press(page, "ArrowRight", "ArrowLeft")
    wait_for(lambda: len(run.answers()) == 2)
    with httpx.Client(base_url=guarded.url, headers={"Authorization": f"Bearer {token(guarded, 'admin')}"}) as admin:
        said = [{"sequence": n, "item": item, "answer": "positive"} for n, item in enumerate(range(14, 20))]
        body = {"client": "boss" * 4, "annotator": "Boss", "events": said}
        assert admin.post(f"api/runs/{run.name}/marks", json=body).status_code == 200

    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Your answers").click()
    page.get_by_role("heading", name="Your answers").wait_for()
    page.get_by_text("2 images").wait_for()
    assert page.locator(".tile.positive").count() == page.locator(".tile.negative").count() == 1
    assert page.get_by_role("button", name="More like this").count() == 0
    assert page.get_by_label("Order").count() == page.get_by_label("people disagree").count() == 0
    page.locator(".tile.negative").click()
    page.get_by_role("button", name="Unsure").click()
    wait_for(lambda: run.answers()[-1][1] == UNSURE)
    page.get_by_label("Label").select_option("negative")
    page.get_by_text("You have given no such answer yet").wait_for()

    page.goto(f"{guarded.url}#/run/{run.name}/label")
    settle(page)
    page.keyboard.press("g")
    page.get_by_role("heading", name="Answered yes").wait_for()
    assert page.locator(".review img").count() == 1  # her own: what the admin said is not for her to know yet
    for name in ("seed/3", "people"):
        page.goto(f"{guarded.url}#/run/{run.name}/{name}")
        page.get_by_text("this takes an admin").wait_for()
    page.goto(f"{guarded.url}#/run/{run.name}/grid")
    page.get_by_text("annotators look at their own answers").wait_for()


def test_an_admin_passes_the_link_on(runs: Callable[..., Run], tmp_path: Path, browser: Browser, page: Page) -> None:
    paint(tmp_path / "data", NAMES, (40, 30))
    shared = Service(tmp_path, ACTIVE_LABELER_WEB_ACCESS="token", ACTIVE_LABELER_WEB_URL="http://192.0.2.7:5000/")
    try:
        run = runs(of=shared, data=tmp_path / "data")
        page.goto(f"{shared.url}join#{token(shared, 'admin')}")
        inside(page)
        page.goto(f"{shared.url}#/run/{run.name}/people")
        link = f"http://192.0.2.7:5000/join#{token(shared, 'annotator')}"
        field = page.get_by_label("Link for whoever shall label")
        assert field.input_value() == link
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied: whoever opens it may label").wait_for()
        assert page.evaluate("() => navigator.clipboard.readText()") == link
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        page.emulate_media(color_scheme="dark")
        assert modules(page, link) == [[bool(dot) for dot in row] for row in segno.make(link, error="m").matrix]
        run.close()
    finally:
        shared.stop()


def test_without_a_link_there_is_a_door_and_a_pasted_link_opens_it(run: Run, guarded: Service, page: Page) -> None:
    said: list[str] = []
    page.on("response", lambda response: said.append(response.url) if response.status == 404 else None)
    page.goto(guarded.url)
    assert "You need a link" in page.get_by_role("heading").inner_text()
    page.get_by_role("textbox").fill(f"{guarded.url}join#wrongwrongwrongwrong")
    page.get_by_role("button", name="Come in").click()
    page.get_by_text("this link lets nobody in any more").wait_for()
    page.get_by_role("textbox").fill(f"  {guarded.url}join#{token(guarded, 'admin')} ")
    page.get_by_role("button", name="Come in").click()
    inside(page)
    assert said == []


def test_an_address_within_the_page_is_kept_at_the_door(run: Run, guarded: Service, page: Page) -> None:
    page.goto(f"{guarded.url}#/run/{run.name}/browse")
    page.get_by_role("textbox").fill(token(guarded, "admin"))
    page.get_by_role("button", name="Come in").click()
    page.get_by_role("heading", name="Browse").or_(page.locator("main.view")).first.wait_for()
    assert page.url.endswith(f"#/run/{run.name}/browse")


def test_a_link_on_another_site_finds_the_door_open_for_whoever_is_in(run: Run, guarded: Service, page: Page) -> None:
    """The strict cookie stays behind at first: the door notices, and goes in by itself."""
    page.goto(f"{guarded.url}join#{token(guarded, 'annotator')}")
    inside(page)
    page.route(
        "http://chat.example/",
        lambda route: route.fulfill(body=f'<a href="{guarded.url}">label</a>', content_type="text/html"),
    )
    page.goto("http://chat.example/")
    page.get_by_role("link").click()
    inside(page)


def test_the_door_looks_right(guarded: Service, page: Page, tmp_path: Path) -> None:
    page.goto(guarded.url)
    page.get_by_role("button", name="Come in").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("button").bounding_box()["height"] >= 48  # type: ignore[index]
    page.screenshot(path=tmp_path / "door.png")
