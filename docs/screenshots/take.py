"""Takes the screenshots of the labeling page anew: ``python docs/screenshots/take.py FOLDER_WITH_PHOTOS``.

Needs Chromium (``apt-get install chromium``), Playwright, and a folder of photographs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from protos import control_pb2 as pb  # noqa: E402
from protos import rpc  # noqa: E402
from services.common.artifacts import ArtifactStore  # noqa: E402
from tests.labeler.kit import CHROMIUM, CHROMIUM_FLAGS, Service, publish_folder  # noqa: E402
from tests.support import control  # noqa: E402

HERE = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
YES, NO, UNSURE = "ArrowRight", "ArrowLeft", "ArrowDown"
PLAIN = (("finish", ".files a"), ("quarantine", ".aside td"))
REPORT = """images           18,240, 3 of them unreadable and set aside
labels used      260 (97 positive, 160 negative, 3 unsure) in the seed set and 7 rounds
positives found  97 by labels
curated set      104 positive, 18,130 negative
audit            Audited recall 96.2 %, at least 90.4 % with 95 % confidence (240 images drawn)
proof            At least 95.0 % of the positive side are right, with 95 % confidence. It begins with a probability of 0.61.
data set         /results/final_dataset
model            /results/final_model.ckpt
plot             /results/runtime/positives_found.png"""
ANSWERS = [YES, YES, NO, YES, UNSURE, NO, YES, YES, NO]


def main(photos: Path) -> None:
    """Starts a labeler over the photographs and walks through its page."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    catalog = publish_folder(ArtifactStore(folder / "artifacts"), photos)
    led = _loop()
    loop = rpc.serve([control.registration(led)], f"unix:{folder}/control.sock")
    service = Service(folder, ACTIVE_LABELER_CONTROL=loop.address, ACTIVE_LABELER_WEB_URL="https://labels.example.org/")
    service.open_run(catalog, "Is there an animal in the picture?", batch_size=10)
    service.offer([n * 7 % 120 for n in range(40)])
    _differ(service)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        _desktop(browser, service)
        _phone(browser, service)
        for kind, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
            _views(browser, service, kind, name)
        led.status.state, led.status.message = "finished", REPORT  # type: ignore[union-attr]
        for kind, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
            _end(browser, service, kind, name)
        browser.close()
    service.stop()
    loop.stop(0)


def _differ(service: Service) -> None:
    """Three people's answers, some of which differ."""
    for number, who in enumerate(("Chiara", "Dmitri", "Eve")):
        said = [(item, "positive" if (item + (item % 5 == number)) % 2 else "negative") for item in range(60, 90)]
        events = [{"sequence": n, "item": item, "answer": answer} for n, (item, answer) in enumerate(said)]
        body = {"client": who.lower() * 4, "annotator": who, "events": events}
        httpx.post(f"{service.url}api/runs/r1/marks", json=body).raise_for_status()


def _loop() -> control.Control:
    """A loop in its seventh round, with an audit behind it."""
    made = control.Control()
    made.status = pb.RunStatus(
        run="r1", state="labeling", round=7, images=18_240, quarantined=3, labels=260, positives=97
    )
    made.prepared.data.add(number=1, name="all of data")
    made.prepared.data.add(number=2, name="reserve-2025")
    made.prepared.encoder.add(number=3, name="hog: outlines and colours, needs no file")
    made.status.question.id, made.status.question.optional = "wish", True
    made.status.question.text = "The head learns after every 10 answers. At any time:"
    made.status.question.choices.extend(["q", "f", "a", "p"])
    made.progress.advice = "Keep labeling: 7 of the last 50 were positive."
    made.progress.head.colour, made.progress.head.text = "amber", "The head still changes its mind (kappa 0.971)"
    made.progress.coverage.colour = "amber"
    made.progress.coverage.text = "7 of the last 50 labels were positive; 61 of 91 clusters visited"
    made.progress.audit.colour = "green"
    made.progress.audit.text = "Audited recall 96.2 %, at least 90.4 % with 95 % confidence (240 images drawn)"
    made.dashboard.pool.extend(int(3000 * 0.82**n) + 3 * (n > 40) * n for n in range(50))
    made.dashboard.sampled.extend([0] * 22 + [3, 5, 8, 6, 5, 4] + [0] * 15 + [2, 3, 3, 4, 5, 6, 6])
    made.dashboard.sampled_round = 7
    for number in range(1, 8):
        made.dashboard.heads.add(
            round=number, f1=0.6 + number / 25, precision=0.7 + number / 30, recall=0.5 + number / 18
        )
    made.dashboard.prevalence_at_least, made.dashboard.prevalence_at_most = 0.0053, 0.0059
    made.dashboard.continuous, made.dashboard.threshold = True, 0.5
    files = ["final_model.ckpt", "images.csv", "labels.jsonl"]
    where = "\n".join(
        f"{what:<15}  /results/export/{name}" for what, name in zip(("model", "csv", "jsonl"), files, strict=True)
    )
    made.exported = pb.ExportStatus(run="r1", state="done", text=where, file=files)
    made.scores = np.linspace(0, 1, 125, dtype=np.float32)
    made.part, made.found = 125, [(21 + 7 * n) % 125 for n in range(48)]
    made.quarantine = {17: "the file is empty", 40: "damaged image: broken PNG file", 93: "damaged image: truncated"}
    made.points = _clouds(125)
    made.progress.rounds.add(positive=12, negative=8)  # the seed set
    for number, positive in enumerate((9, 14, 17, 15, 12, 9, 5), start=1):
        made.progress.rounds.add(round=number, positive=positive, negative=34 - positive)
    return made


def _clouds(rows: int) -> NDArray[np.uint32]:
    """Places on the map in four clouds, y in the upper half of each."""
    random = np.random.default_rng(3)
    middle = np.array([(0.25, 0.3), (0.7, 0.25), (0.65, 0.75), (0.3, 0.7)])[np.arange(rows) * 4 // rows]
    x, y = (np.clip(middle + random.normal(0, 0.07, (rows, 2)), 0, 1) * 65534).astype(np.uint32).T
    return x | y << np.uint32(16)


def _desktop(browser: Browser, service: Service) -> None:
    context, page = _open(browser, service, DESKTOP, "Ann", shot="name-desktop")
    _answer(page, ANSWERS)
    _shot(page, "label-desktop")
    for key, name in (("?", "menu"), ("g", "guide")):
        page.keyboard.press(key)
        page.wait_for_timeout(1500)
        _shot(page, f"{name}-desktop")
        page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.get_by_text("Continue labeling").wait_for()
    page.wait_for_timeout(600)
    _shot(page, "batch-end-desktop")
    page.keyboard.press("Enter")
    _progress(page, "progress-desktop")
    page.emulate_media(color_scheme="dark")
    _settle(page)
    _shot(page, "label-desktop-dark")
    context.close()


def _phone(browser: Browser, service: Service) -> None:
    context, page = _open(browser, service, PHONE | {"color_scheme": "dark"}, "Bob", shot="name-phone")
    _shot(page, "label-phone-dark")
    page.emulate_media(color_scheme="light")
    _progress(page, "progress-phone")
    _answer(page, ANSWERS[:5])
    _shot(page, "label-phone")
    page.get_by_role("button", name="More").click()
    page.wait_for_timeout(300)
    _shot(page, "menu-phone")
    page.keyboard.press("Escape")
    _settle(page)
    box = page.locator("#stage").bounding_box()
    assert box is not None
    touch = context.new_cdp_session(page)
    start = {"x": box["x"] + 150, "y": box["y"] + 300}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [start]})
    for step in range(1, 12):
        point = start | {"x": start["x"] + 11 * step}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    page.wait_for_timeout(100)
    _shot(page, "swipe-phone")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    _answer(page, ANSWERS[5:9])
    page.get_by_text("Continue labeling").wait_for()
    page.wait_for_timeout(600)
    _shot(page, "batch-end-phone")
    page.get_by_text("Finish batch early").click()
    page.get_by_text("Waiting for the next images").wait_for()
    _shot(page, "waiting-phone")
    context.close()


def _views(browser: Browser, service: Service, kind: dict[str, object], name: str) -> None:
    """The pages that look at the whole data set."""
    context = browser.new_context(**kind)  # type: ignore[arg-type]
    page = context.new_page()
    for view in ("seed/21", "grid", "browse"):
        page.goto(f"{service.url}#/run/r1/{view}")
        page.locator(".tile img[src]").first.wait_for()
        page.wait_for_timeout(2500)
        for odd in page.locator(".tile").all()[1:3] if view != "browse" else []:
            odd.click()
        _shot(page, f"{view.partition('/')[0]}-{name}")
    page.emulate_media(color_scheme="dark")
    _shot(page, f"browse-{name}-dark")
    page.emulate_media(color_scheme="light")
    page.locator(".window .tile").nth(4).focus()
    page.keyboard.press("o")
    page.locator(".large img").wait_for()
    page.wait_for_timeout(1500)
    _shot(page, f"large-{name}")
    page.keyboard.press("Escape")
    for view, sign in (*PLAIN, ("map", ".legend li"), ("people", ".disputes img")):
        page.goto(f"{service.url}#/run/r1/{view}")
        page.locator(sign).first.wait_for()
        page.wait_for_timeout(1500)
        if view == "map":
            page.get_by_role("button", name="Take what is in sight").click()
            page.locator(".choice img").first.wait_for()
            page.wait_for_timeout(500)
        _shot(page, f"{view}-{name}")
    page.goto(f"{service.url}#/new")
    page.get_by_label("What people are asked").fill("Is there an animal in the picture?")
    page.wait_for_timeout(500)
    _shot(page, f"new-{name}")
    context.close()


def _end(browser: Browser, service: Service, kind: dict[str, object], name: str) -> None:
    """What a run has ended with."""
    context = browser.new_context(**kind)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{service.url}#/run/r1/finish")
    page.locator(".report").wait_for()
    page.wait_for_timeout(500)
    _shot(page, f"finished-{name}")
    context.close()


def _progress(page: Page, name: str) -> None:
    page.get_by_role("link", name="Progress").click()
    page.locator(".plot canvas").nth(2).wait_for()
    _shot(page, name)
    page.locator(".key").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    _shot(page, name.replace("progress", "charts"))
    page.get_by_role("link", name="Back to labeling").click()
    _settle(page)


def _open(
    browser: Browser, service: Service, kind: dict[str, object], name: str, shot: str
) -> tuple[BrowserContext, Page]:
    context = browser.new_context(**kind)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(service.url)
    page.get_by_role("textbox").fill(name)
    _shot(page, shot)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Skip the practice").wait_for()
    _shot(page, shot.replace("name", "practice"))
    page.get_by_role("button", name="Skip the practice").click()
    _settle(page)
    return context, page


def _answer(page: Page, keys: list[str]) -> None:
    for key in keys:
        _settle(page)
        page.keyboard.press(key)
    page.wait_for_timeout(300)  # a batch may end here
    if page.locator("#panel").is_hidden():
        _settle(page)


def _settle(page: Page) -> None:
    """Until the picture on the table is there and the one before has left."""
    page.locator(".card:not(.leaving) img").wait_for(timeout=20_000)
    page.wait_for_timeout(350)


def _shot(page: Page, name: str) -> None:
    page.screenshot(path=HERE / f"{name}.jpg", type="jpeg", quality=80)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
