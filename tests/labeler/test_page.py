"""The page in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import CHROMIUM, CHROMIUM_FLAGS, Service, paint, publish_folder, wait_for

pytestmark = pytest.mark.browser
playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Browser, Page = playwright_api.Browser, playwright_api.Page

NAMES = [f"{n:02}.png" for n in range(24)]
POSITIVE, NEGATIVE, UNSURE, RETRACTED = 1, 2, 3, 4
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    paint(folder / "data", NAMES, (200, 150))
    started = Service(folder)
    yield started
    started.stop()


class Run:
    """A run of its own for a test, and pages on it."""

    def __init__(self, service: Service, browser: Browser, name: str, data: Path, batch_size: int) -> None:
        self.service, self.browser, self.name = service, browser, name
        self.errors: list[str] = []
        self._contexts: list[Any] = []
        store = ArtifactStore(service.folder / "artifacts")
        service.open_run(publish_folder(store, data), run=name, batch_size=batch_size)

    def offer(self, count: int = 12, number: int = 1) -> None:
        self.service.offer(range(count), number=number, run=self.name)

    def open(self, name: str = "Ann", url: str | None = None, ready: bool = True, **context: Any) -> Page:
        made = self.browser.new_context(**context)
        self._contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))
        page.goto(f"{url or self.service.url}#/run/{self.name}/label")
        page.get_by_role("textbox").fill(name)
        page.get_by_role("button", name="Start").click()
        if ready:
            settle(page)
        return page

    def answers(self) -> list[tuple[int, int]]:
        return self.service.answers(self.name)

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def runs(service: Service, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def make(batch_size: int = 100, data: Path | None = None, of: Service | None = None) -> Run:
        name = f"run{abs(hash(request.node.name))}"
        run = Run(of or service, browser, name, data or service.folder / "data", batch_size)
        made.append(run)
        return run

    yield make
    for run in made:
        run.close()


@pytest.fixture
def run(runs: Callable[..., Run]) -> Run:
    return runs()


def settle(page: Page) -> None:
    """Until an image is on the table and has been for long enough to be judged."""
    page.locator(".card:not(.leaving) img").wait_for()
    page.wait_for_timeout(150)


def shown(page: Page) -> int:
    return int(page.locator("#caption").inner_text()[:2])


def press(page: Page, *keys: str) -> None:
    for key in keys:
        settle(page)
        page.keyboard.press(key)


def drag(
    page: Page, dx: float, dy: float, start: float = 0.5, ms: float = 400, back: float = 0, steps: int = 8
) -> None:
    """A finger on the card: by (dx, dy) in ``ms``, then ``back`` px the way it came."""
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] * start, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    way = [(dx * step / steps, dy * step / steps) for step in range(1, steps + 1)]
    if back:
        way += [(dx - back * step / 4, dy) for step in range(1, 5)]
    for mx, my in way:
        page.wait_for_timeout(ms / steps)
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + mx, "y": y + my}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(50)


def test_arrow_keys_answer_and_the_answers_arrive_in_order(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE), (3, POSITIVE)])
    page.get_by_text("4 of 12").wait_for()
    page.get_by_text("2 found").wait_for()
    assert run.errors == []


def test_a_key_held_down_counts_once(run: Run) -> None:
    run.offer()
    page = run.open()
    page.keyboard.down("ArrowRight")
    for _ in range(5):
        settle(page)
        page.keyboard.down("ArrowRight")  # the browser marks it as repeated
    page.keyboard.up("ArrowRight")
    assert shown(page) == 1
    wait_for(lambda: run.answers() == [(0, POSITIVE)])


def test_the_next_image_is_there_with_the_key_itself(run: Run) -> None:
    run.offer()
    page = run.open()
    page.wait_for_timeout(1000)  # the next ones are decoded by now
    after = page.evaluate(
        """() => {
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
          const image = document.querySelector(".card:not(.leaving) img");
          return [document.getElementById("caption").textContent, image !== null && image.complete];
        }"""
    )
    assert after == ["01.png", True]


def test_two_presses_at_once_label_one_image(run: Run) -> None:
    """Nobody has seen the second image when the second key comes."""
    run.offer()
    page = run.open()
    page.evaluate(
        """() => { for (let n = 0; n < 2; n++)
          document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true})); }"""
    )
    settle(page)
    assert shown(page) == 1


def test_buttons_answer(run: Run) -> None:
    run.offer()
    page = run.open()
    for name in ("Yes", "No", "Unsure"):
        settle(page)
        page.get_by_role("button", name=name).click()
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE)])


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


def test_on_its_side_a_phone_shows_everything(run: Run) -> None:
    run.offer()
    page = run.open(viewport={"width": 844, "height": 390}, has_touch=True)
    for button in page.locator("#buttons button").all():
        box = button.bounding_box()
        assert box["x"] + box["width"] <= 844
        assert box["y"] + box["height"] <= 390
    assert page.locator("#stage").bounding_box()["height"] >= 0.75 * 390


@pytest.mark.parametrize(
    ("move", "answer"),
    [
        ({"dx": 120, "dy": 10}, POSITIVE),
        ({"dx": -120, "dy": 10}, NEGATIVE),
        ({"dx": 10, "dy": 250}, UNSURE),
        ({"dx": 70, "dy": 0, "ms": 20, "steps": 2}, POSITIVE),  # short and fast
    ],
)
def test_swipes_that_count(run: Run, move: dict[str, float], answer: int) -> None:
    run.offer()
    page = run.open(**PHONE)
    drag(page, **move)
    wait_for(lambda: run.answers() == [(0, answer)])


@pytest.mark.parametrize(
    "move",
    [
        {"dx": 60, "dy": 0, "ms": 900},  # short and slow
        {"dx": 5, "dy": 2, "ms": 10},  # a tap
        {"dx": 200, "dy": 0, "start": 0.03},  # from the edge of the screen
        {"dx": 160, "dy": 0, "back": 50},  # on the way back
        {"dx": 0, "dy": -300},  # upwards
    ],
)
def test_swipes_that_do_not_count(run: Run, move: dict[str, float]) -> None:
    run.offer()
    page = run.open(**PHONE)
    drag(page, **move)
    page.wait_for_timeout(300)
    assert run.answers() == []
    assert shown(page) == 0
    assert page.locator(".card").evaluate("card => card.style.transform") == ""


@pytest.mark.parametrize("how", ["u", "Control+z", "button"])
def test_undo_brings_the_image_back(run: Run, how: str) -> None:
    run.offer()
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    settle(page)
    if how == "button":
        page.locator("#undo").click()
    else:
        page.keyboard.press(how)
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (1, RETRACTED), (1, POSITIVE)])
    settle(page)
    assert shown(page) == 2


def test_undo_goes_back_as_far_as_one_likes(run: Run) -> None:
    run.offer()
    page = run.open()
    press(page, *["ArrowRight"] * 5)
    settle(page)
    for _ in range(5):
        page.keyboard.press("u")
    settle(page)
    assert shown(page) == 0
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("u")
    page.get_by_text("nothing to take back").wait_for()
    wait_for(lambda: len(run.answers()) == 10)
    assert run.service.queue(run=run.name).open == 12


def test_the_last_answer_of_a_round_can_be_taken_back(run: Run) -> None:
    run.offer(2)
    page = run.open()
    press(page, "ArrowRight", "ArrowRight")
    page.get_by_text("Waiting for the next images").wait_for()
    run.service.offer([5, 6], number=2, run=run.name)  # the loop has gone on
    settle(page)
    assert shown(page) == 5
    page.keyboard.press("u")
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowLeft")
    wait_for(lambda: run.answers()[-2:] == [(1, RETRACTED), (1, NEGATIVE)])


def test_a_batch_ends_with_a_look_back(runs: Callable[..., Run]) -> None:
    run = runs(batch_size=3)
    run.offer(12)
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft", "ArrowDown")
    page.get_by_text("3 images done").wait_for()
    page.get_by_text("9 images of this round are left").wait_for()
    page.keyboard.press("ArrowRight")  # answers nothing while no image is to be seen
    page.locator(".review .thumb").nth(1).click()
    settle(page)
    assert shown(page) == 1
    press(page, "ArrowRight")
    page.get_by_text("3 images done").wait_for()
    page.keyboard.press("Enter")
    settle(page)
    assert shown(page) == 3
    wait_for(lambda: run.answers() == [(0, POSITIVE), (1, NEGATIVE), (2, UNSURE), (1, RETRACTED), (1, POSITIVE)])


def test_finishing_early_gives_the_rest_back(runs: Callable[..., Run]) -> None:
    run = runs(batch_size=2)
    run.offer(12)
    page = run.open()
    press(page, "ArrowRight", "ArrowLeft")
    page.get_by_role("button", name="Finish batch early").click()
    page.get_by_text("Waiting for the next images").wait_for()
    queue = run.service.queue(run=run.name)
    assert (queue.open, queue.withdrawn, queue.positive, queue.negative) == (0, 10, 1, 1)


def test_waiting_ends_by_itself(run: Run) -> None:
    page = run.open(ready=False)
    page.get_by_text("Waiting for the next images").wait_for()
    run.offer(3)
    settle(page)
    assert shown(page) == 0
    assert run.errors == []


def test_the_end_is_announced(run: Run) -> None:
    run.offer(1)
    page = run.open()
    press(page, "ArrowRight")
    run.service.stub.CloseRun(pb.CloseRunRequest(run=run.name, sentence="The result is in <b>final_dataset</b>."))
    page.get_by_text("Labeling is finished").wait_for()
    page.get_by_text("The result is in <b>final_dataset</b>.").wait_for()
    page.get_by_text("Your 1 answer is saved").wait_for()


def test_an_image_that_is_taken_away_takes_no_answer_with_it(run: Run) -> None:
    """Somebody ends the round while the finger is on the card: what was meant for it labels no other."""
    run.offer(12)
    page = run.open()
    run.service.stub.Withdraw(pb.WithdrawRequest(run=run.name, round=1))
    run.service.offer(range(12, 24), number=2, run=run.name)
    page.evaluate("dispatchEvent(new Event('online'))")  # the page asks now
    playwright_api.expect(page.locator("#caption")).to_have_text("12.png")
    page.wait_for_timeout(250)
    page.keyboard.press("ArrowRight")
    page.get_by_text("That image went to somebody else").wait_for()
    page.wait_for_timeout(600)
    assert run.answers() == []
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(12, POSITIVE)])


def test_answers_that_cannot_be_taken_block_nothing(run: Run) -> None:
    run.offer(12)
    page = run.open()
    page.evaluate(
        """(run) => localStorage.setItem(`active-labeler:${location.pathname}:outbox:${run}:tampered`,
          JSON.stringify({annotator: "Eve", events: [{sequence: "x"}]}))""",
        run.name,
    )
    press(page, "ArrowRight")
    wait_for(lambda: run.answers() == [(0, POSITIVE)])
    wait_for(lambda: page.evaluate("Object.keys(localStorage).some((key) => key.includes('aside:'))"))


def test_two_people_never_get_the_same_image(run: Run) -> None:
    run.offer(24)
    pages = [run.open("Ann"), run.open("Bob")]
    seen: list[list[int]] = [[], []]
    turns = 0
    while any(page.locator("#panel").is_hidden() for page in pages) and turns < 60:
        for number, page in enumerate(pages):
            turns += 1
            if page.locator("#panel").is_visible() or page.locator(".card:not(.leaving) img").count() == 0:
                page.wait_for_timeout(100)
                continue
            settle(page)
            seen[number].append(shown(page))
            page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(100)
    assert sorted(seen[0] + seen[1]) == list(range(24))
    assert min(len(each) for each in seen) >= 5
    wait_for(lambda: sorted(item for item, _ in run.answers()) == list(range(24)))
    people = {e.annotator for e in run.service.stub.ListLabels(pb.ListLabelsRequest(run=run.name)).events}
    assert people == {"Ann", "Bob"}


def test_a_page_that_is_left_gives_its_images_back(run: Run) -> None:
    run.offer(12)
    page = run.open()
    wait_for(lambda: run.service.queue(run=run.name).held == 12)
    page.goto("about:blank")
    wait_for(lambda: run.service.queue(run=run.name).held == 0)


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
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('outbox'))") == []
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
    page.wait_for_timeout(1000)  # the next images are there
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


def test_small_images_show_their_pixels(runs: Callable[..., Run], tmp_path: Path) -> None:
    paint(tmp_path / "data", ["00.png"], (32, 32))
    run = runs(data=tmp_path / "data")
    run.offer(1)
    page = run.open()
    assert page.locator(".card img").evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    assert page.locator(".card img").bounding_box()["height"] > 400


def test_the_list_of_runs_and_the_way_into_one(run: Run) -> None:
    run.offer(4)
    page = run.open()
    page.goto(f"{run.service.url}#/")
    page.get_by_role("link", name=re.compile("4 images waiting")).first.wait_for()
    page.locator(f"a[href='#/run/{run.name}/label']").click()
    settle(page)
    assert page.locator("#who").inner_text() == "Ann"  # asked once


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
