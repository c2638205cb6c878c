"""The page's figures: ``python -m benchmarks.page [--only latency fast offline first browse] [--minutes 10]``."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.page import answering, browsing
from benchmarks.page.kit import chromium, publish
from tests.labeler.kit import Service

PARTS = ("first", "latency", "fast", "browse", "offline")


def main() -> None:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cards", type=int, default=1000)
    parser.add_argument("--images", type=int, default=1_000_000, help="for browsing")
    parser.add_argument("--minutes", type=float, default=10, help="without a network")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        service = Service(folder)
        catalog = publish(folder, max(asked.cards, 600) + 400)
        if "first" in asked.only:
            print("first image: " + answering.first_image(browser, service, catalog), flush=True)
        if "latency" in asked.only:
            for slow, bar in ((1, 50), (4, 100)):
                line = answering.latency(browser, service, catalog, asked.cards, slow, 1 / 3)
                print(f"key to next image, processor / {slow} (p95 at most {bar}): {line}", flush=True)
        if "fast" in asked.only:
            print("600 answers a minute: " + answering.fast(browser, service, catalog, 600), flush=True)
        if "browse" in asked.only:
            line = browsing.browse(browser, service, publish(folder, asked.images), asked.images)
            print(f"browsing {asked.images:,} images: {line}", flush=True)
        if "offline" in asked.only:
            print("offline: " + answering.offline(browser, service, catalog, asked.minutes), flush=True)
        service.stop()


if __name__ == "__main__":
    main()
