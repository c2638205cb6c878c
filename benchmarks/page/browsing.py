"""Browsing a million images: long tasks while scrolling, and how soon the tiles are filled after it stops.

Filled: every tile on screen has its picture, all of them are decoded, and the first frame that shows them has ended. Counted from
the last step of scrolling itself.
"""

from __future__ import annotations

from playwright.sync_api import Browser

from benchmarks.page.kit import open_page, quantiles
from protos.common_pb2 import Artifact
from tests.labeler.kit import Service
from tests.labeler.pages.kit import FILLED

WATCH = """() => {
  window.long = [];
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.long.push(entry.duration); })
    .observe({ type: "longtask" });
}"""

SCROLL = """(by) => {
  document.querySelector('.scroller').scrollTop += by;
  window.stopped = performance.now();
}"""
SHOWN_MS = (
    """() => new Promise((done, fail) => {
  const filled = """
    + FILLED
    + """;
  const give_up = performance.now() + 30000;
  const look = async () => {
    if (performance.now() > give_up) fail(new Error("the tiles stay empty"));
    else if (!filled()) setTimeout(look, 10);
    else {
      await Promise.all([...document.querySelectorAll(".window .tile img[src]")].map((image) => image.decode().catch(() => {})));
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => done(performance.now() - window.stopped);
        channel.port2.postMessage(null);
      });
    }
  };
  look();
})"""
)


def browse(browser: Browser, service: Service, catalog: Artifact, images: int, stops: int = 12) -> str:
    """Scrolls through everything in steps like a wheel's, with stops."""
    service.open_run(catalog, run="browse", batch_size=1000)
    service.offer(range(20), run="browse")
    page = open_page(browser, service, "browse", delay_ms=0)
    page.goto(f"{service.url}#/run/browse/browse")
    page.get_by_text(f"{images:,} images").wait_for(timeout=60_000)
    page.wait_for_function(FILLED)
    page.evaluate(WATCH)
    filled = []
    for stop in range(stops):
        for _ in range(30):
            page.evaluate(SCROLL, 400 if stop % 2 else 20000)
            page.wait_for_timeout(16)
        filled.append(page.evaluate(SHOWN_MS))
    long = page.evaluate("window.long")
    page.context.close()
    worst = f", the longest {max(long):.0f} ms" if long else ""
    return (
        f"{len(long)} tasks over 50 ms in {30 * stops} steps{worst}; tiles filled after stopping: {quantiles(filled)}"
    )
