"""Pages on runs, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

from protos import rpc
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder, wait_for
from tests.support import control as control_kit

ROWS = 60  # of the run behind a control service
HOSTILE = "<img src=x onerror=alert(1)>.png"  # its last one
NAMES = [f"{n:02}.png" for n in range(24)]
POSITIVE, NEGATIVE, UNSURE, RETRACTED = 1, 2, 3, 4
# Whether each tile that is on screen shows its picture.
FILLED = """() => {
  const scroller = document.querySelector(".scroller")?.getBoundingClientRect();
  if (scroller === undefined) return false;
  const tiles = [...document.querySelectorAll(".window .tile")].filter((tile) => {
    const box = tile.getBoundingClientRect();
    return box.top < scroller.bottom && box.bottom > scroller.top;
  });
  return tiles.length > 0 && tiles.every((tile) => tile.firstChild.complete && tile.firstChild.naturalWidth > 0);
}"""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Run:
    """A run of its own for a test, and pages on it."""

    def __init__(self, service: Service, browser: Browser, name: str, data: Path, batch_size: int) -> None:
        self.service, self.browser, self.name = service, browser, name
        self.errors: list[str] = []
        self._contexts: list[Any] = []
        self.catalog = publish_folder(ArtifactStore(service.folder / "artifacts"), data)
        service.open_run(self.catalog, run=name, batch_size=batch_size)

    def offer(self, count: int = 12, number: int = 1) -> None:
        self.service.offer(range(count), number=number, run=self.name)

    def open(
        self, name: str = "Ann", url: str | None = None, ready: bool = True, script: str = "", **context: Any
    ) -> Page:
        """A page, after a name was given; ``script`` runs in it before anything else does."""
        made = self.browser.new_context(**context)
        if script:
            made.add_init_script(script)
        self._contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))
        page.goto(f"{url or self.service.url}#/run/{self.name}/label")
        page.get_by_role("textbox").fill(name)
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Skip the practice").click()
        if ready:
            settle(page)
        return page

    def _hear(self, kind: str, text: str) -> None:
        # ERR_NETWORK_CHANGED: a network of containers came or went on this machine.
        if kind == "error" and "ERR_NETWORK_CHANGED" not in text:
            self.errors.append(text)

    def answers(self) -> list[tuple[int, int]]:
        return self.service.answers(self.name)

    def close(self) -> None:
        for context in self._contexts:
            for page in context.pages:
                page.unroute_all(behavior="ignoreErrors")  # an answer on its way may find the page gone
            context.close()


@contextmanager
def led(
    folder: Path, control: control_kit.Control, browser: Browser, names: Sequence[str], **environment: str
) -> Iterator[Run]:
    """A run "r" of images with these names, behind a control service that the test leads; cards of it are on offer."""
    server = rpc.serve([control_kit.registration(control)], f"unix:{folder}/c.sock")
    paint(folder / "labeler" / "data", names)
    service = Service(folder / "labeler", ACTIVE_LABELER_CONTROL=server.address, **environment)
    made = Run(service, browser, "r", folder / "labeler" / "data", 10)
    made.offer()
    yield made
    made.close()
    service.stop()
    server.stop(0)


def settle(page: Page) -> None:
    """Until an image is on the table and has been for long enough to be judged."""
    page.locator(".card:not(.leaving) img").wait_for()
    # The page counts from the frame that shows the image, which comes late on a busy machine: count from the same frame.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 150)))")


def kept(page: Page, drawer: str = "answers") -> list[dict[str, Any]]:
    """What this browser keeps of answers: those on their way ("answers") or those that cannot be taken ("aside")."""
    script = """(name) => new Promise((done, fail) => {
      const asked = indexedDB.open("active-labeler");
      asked.onerror = () => fail(asked.error);
      asked.onsuccess = () => {
        const all = asked.result.transaction(name).objectStore(name).getAll();
        all.onsuccess = () => { asked.result.close(); done(all.result); };
      };
    })"""
    return list(page.evaluate(script, drawer))


def count_files(page: Page) -> None:
    """From now on the addresses of files that the page holds in memory are in ``window.files``."""
    page.evaluate("""() => {
      window.files = new Set();
      const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
      URL.createObjectURL = (file) => { const made = make.call(URL, file); window.files.add(made); return made; };
      URL.revokeObjectURL = (made) => { window.files.delete(made); revoke.call(URL, made); };
    }""")


def prefetch(page: Page, count: int) -> None:
    """Until ``count`` images have arrived."""
    page.wait_for_function(
        "(count) => performance.getEntriesByType('resource')"
        ".filter((entry) => entry.initiatorType === 'img' && entry.responseEnd > 0).length >= count",
        arg=count,
    )


# For `Run.open`: how many pictures have been decoded.
COUNT_DECODED = """
  window.decoded = 0;
  const decode = HTMLImageElement.prototype.decode;
  HTMLImageElement.prototype.decode = function () { return decode.call(this).then(() => { window.decoded += 1; }); };
"""


def shown(page: Page) -> int:
    return int(page.locator("#caption").inner_text()[:2])


def press(page: Page, *keys: str) -> None:
    for key in keys:
        settle(page)
        page.keyboard.press(key)


def drag(
    page: Page,
    dx: float,
    dy: float,
    start: float = 0.5,
    ms: float = 400,
    back: float = 0,
    steps: int = 8,
    where: str = "#stage",
) -> None:
    """A finger on the card: by (dx, dy) in ``ms``, then ``back`` px the way it came.

    Its events say when they were, as if they had come late: on a busy machine a swipe is as fast as on another.
    """
    box = page.locator(where).bounding_box()
    x, y = box["x"] + box["width"] * start, box["y"] + box["height"] / 2
    way = [(dx * step / steps, dy * step / steps) for step in range(1, steps + 1)]
    if back:
        way += [(dx - back * step / 4, dy) for step in range(1, 5)]
    begin, pause = time.time() - len(way) * ms / steps / 1000, ms / steps / 1000
    touch = page.context.new_cdp_session(page)
    touch.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}], "timestamp": begin}
    )
    for at, (mx, my) in enumerate(way, start=1):
        points = [{"x": x + mx, "y": y + my}]
        then = begin + at * pause
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points, "timestamp": then})
        frame(page)  # what comes within one is told to the page as one
    over = begin + len(way) * pause
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": [], "timestamp": over})
    touch.detach()
    frame(page)


def frame(page: Page) -> None:
    """Until the page has drawn once more."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def tap_twice(page: Page, target: Locator) -> None:
    """Two taps of one finger within a tenth of a second, however long the browser takes over them."""
    box = target.bounding_box()
    points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]
    touch, begin = page.context.new_cdp_session(page), time.time() - 0.2
    for late in (0.0, 0.1):
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points, "timestamp": begin + late})
        over = begin + late + 0.03
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": [], "timestamp": over})
    touch.detach()


def click_thrice(page: Page, target: Locator) -> None:
    """Three clicks of the mouse within a tenth of a second, however long the browser takes over them."""
    target.hover()
    box = target.bounding_box()
    mouse, begin = page.context.new_cdp_session(page), time.time() - 0.2
    for count in (1, 2, 3):
        for kind, late in (("mousePressed", 0.0), ("mouseReleased", 0.01)):
            event = {"type": kind, "button": "left", "clickCount": count, "timestamp": begin + count * 0.03 + late}
            at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            mouse.send("Input.dispatchMouseEvent", {**event, **at})
    mouse.detach()


def pinch(page: Page, start: float, end: float, where: str = "#stage") -> None:
    """Two fingers on the image, so many px from its middle at the start and at the end."""
    box = page.locator(where).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for step in range(9):
        apart = start + (end - start) * step / 8
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    touch.detach()


def look(run: Run, page_name: str, **context: object) -> Page:
    """A page on one of the views of the whole data set."""
    page = run.open(**context)
    page.goto(f"{run.service.url}#/run/r/{page_name}")
    page.locator(".view").wait_for()
    return page


def loaded(page: Page, count: int) -> None:
    """Until so many tiles show their picture."""
    page.wait_for_function(
        "(count) => [...document.querySelectorAll('.tile img')].filter((i) => i.complete && i.naturalWidth > 0).length >= count",
        arg=count,
    )
    frame(page)  # and are on screen
    page.wait_for_timeout(150)


def finish_after_a_second_thought(page: Page, control: control_kit.Control) -> None:
    """Presses "Finish the run", thinks better of it, and presses it again."""
    button = page.get_by_role("button", name="Finish the run")
    page.once("dialog", lambda dialog: dialog.dismiss())
    button.click()
    assert control.answers == []
    page.once("dialog", lambda dialog: dialog.accept())
    button.click()
    wait_for(lambda: control.answers == ["q"])
