"""A labeler with many images, and pages on it whose answers are timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import write_catalog
from tests.labeler.kit import CHROMIUM, CHROMIUM_FLAGS, Service

FILES = 200  # distinct photographs; folders are links to one folder that holds them
DELAY_MS = 50

# From the key (its timeStamp) to the end of the first frame after the next image, decoded already, is in the document.
TIMER = """() => {
  window.times = [];
  let pressed = null;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  const painted = () => {
    const image = document.querySelector(".card:not(.leaving) img");
    if (pressed === null || image === null || !image.complete || image === window.before) return;
    const from = pressed;
    window.before = image;
    pressed = null;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push(performance.now() - from);
      channel.port2.postMessage(null);
    });
  };
  window.before = document.querySelector(".card:not(.leaving) img");
  window.missing = 0;  // frames in which somebody would have looked at no image
  const frame = () => {
    if (document.querySelector(".card:not(.leaving) .blank") !== null) window.missing += 1;
    requestAnimationFrame(frame);
  };
  frame();
  new MutationObserver(painted).observe(document.getElementById("stage"), { childList: true, subtree: true });
}"""


def paint_photographs(folder: Path) -> None:
    """``FILES`` JPEG files of 1,280 x 960 that compress like photographs."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(FILES):
        small = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
        large = small.resize((1280, 960), Image.Resampling.BICUBIC)
        grain = Image.effect_noise((1280, 960), 12).convert("RGB")
        Image.blend(large, grain, 0.15).save(folder / f"{number:03}.jpg", quality=85)


def publish(folder: Path, images: int) -> Artifact:
    """A catalog of ``images`` rows below ``folder``/data: links to one folder of photographs."""
    if not (folder / "photographs").exists():
        paint_photographs(folder / "photographs")
    data = folder / "data"
    data.mkdir(exist_ok=True)
    facts = [(folder / "photographs" / f"{number:03}.jpg").stat() for number in range(FILES)]
    rows = []
    for group in range(-(-images // FILES)):
        link = data / f"{group:05}"
        if not link.exists():
            link.symlink_to(folder / "photographs")
        rows += [(f"{group:05}/{n:03}.jpg", fact.st_size, fact.st_mtime_ns) for n, fact in enumerate(facts)]
    store = ArtifactStore(folder / "artifacts")
    with store.writing(f"catalogs/{digest_of(str(data), images)}.sqlite") as writing:
        write_catalog(writing.path, data, rows[:images])
    return writing.artifact


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, service: Service, run: str, delay_ms: int = DELAY_MS, slow: float = 1) -> Page:
    """A page on a run behind a slow network, on a processor that is ``slow`` times slower; the person is known already."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(
        """for (const [name, value] of [["annotator", "Bench"], ["practised", true]])
          localStorage.setItem(`active-labeler:${location.pathname}:${name}`, JSON.stringify(value));"""
    )
    page = context.new_page()
    session = context.new_cdp_session(page)
    if delay_ms:  # not where the network is to go away altogether: the two ways of emulation get into each other's way
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", network(delay_ms))
    session.send("Emulation.setCPUThrottlingRate", {"rate": slow})
    page.goto(f"{service.url}#/run/{run}/label")
    page.locator(".card:not(.leaving) img").wait_for()
    return page


def network(delay_ms: int) -> dict[str, Any]:
    """Conditions of the network, as Chromium takes them."""
    return {"offline": False, "latency": delay_ms, "downloadThroughput": -1, "uploadThroughput": -1}


def quantiles(times: list[float]) -> str:
    """Median, 95th percentile and largest."""
    return f"median {np.median(times):.0f}, p95 {np.percentile(times, 95):.0f}, largest {max(times):.0f} ms"
