"""Answers: how soon the next image is there, whether a fast annotator loses any, and a time without a network."""

from __future__ import annotations

import time
from collections import Counter

from playwright.sync_api import Browser, Page

from benchmarks.page.kit import TIMER, open_page, quantiles
from protos.common_pb2 import Artifact
from tests.labeler.kit import Service

KEYS = ("ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowLeft", "ArrowDown")
SEEN = "(count) => window.times.length >= count"  # the next image is there to be looked at


def press(page: Page, count: int, every_s: float) -> None:
    """Answers at a steady pace; what a busy machine has delayed is made up for, but no two keys come within 70 ms."""
    due = time.monotonic()
    for number in range(count):
        page.keyboard.press(KEYS[number % len(KEYS)])
        due = max(due + every_s, time.monotonic() + min(every_s, 0.07))
        page.wait_for_timeout(max(0.0, (due - time.monotonic()) * 1000))


def latency(browser: Browser, service: Service, catalog: Artifact, cards: int, slow: float, every_s: float) -> str:
    """From the key to the next image, over ``cards`` answers."""
    run = f"latency{slow:g}x{cards}"
    service.open_run(catalog, run=run, batch_size=1000)
    service.offer(range(cards + 20), run=run)
    page = open_page(browser, service, run, slow=slow)
    page.wait_for_timeout(1000)
    page.evaluate(TIMER)
    press(page, cards, every_s)
    page.wait_for_timeout(500)
    times = page.evaluate("window.times")
    missing = page.evaluate("window.missing")
    page.context.close()
    return f"{quantiles(times)} over {len(times)} of {cards} keys; {missing} frames without an image"


def fast(browser: Browser, service: Service, catalog: Artifact, answers: int) -> str:
    """Up to ten answers a second, each to an image that is there to be seen: is each of them in the log, once?"""
    run = f"fast{answers}"
    service.open_run(catalog, run=run, batch_size=1000)
    service.offer(range(answers + 20), run=run)
    page = open_page(browser, service, run)
    page.wait_for_timeout(1000)
    page.evaluate(TIMER)
    start = time.monotonic()
    for number in range(answers):
        page.keyboard.press(KEYS[number % len(KEYS)])
        page.wait_for_function(SEEN, arg=number + 1, polling=10)
        page.wait_for_timeout(max(40.0, (start + (number + 1) / 10 - time.monotonic()) * 1000))
    took = time.monotonic() - start
    end = time.monotonic() + 10
    while len(service.answers(run)) < answers and time.monotonic() < end:
        page.wait_for_timeout(100)
    found = Counter(item for item, _ in service.answers(run))
    missing = page.evaluate("window.missing")
    page.context.close()
    twice = sum(count > 1 for count in found.values())
    return (
        f"{answers} keys in {took:.0f} s, {len(found)} images answered, {answers - len(found)} lost, {twice} doubled;"
        f" {missing} frames without an image"
    )


def offline(browser: Browser, service: Service, catalog: Artifact, minutes: float) -> str:
    """Two hundred cards taken along, all answered without a network, which comes back after a while."""
    run = "offline"
    service.open_run(catalog, run=run, batch_size=1000)
    service.offer(range(400), run=run)
    page = open_page(browser, service, run, delay_ms=0)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Take 200 offline").click()
    start = time.monotonic()
    page.get_by_text("200 images here for offline").wait_for(timeout=120_000)
    ready = time.monotonic() - start
    page.context.set_offline(True)
    start = time.monotonic()
    page.wait_for_timeout(500)
    page.evaluate(TIMER)
    for number in range(200):
        page.keyboard.press(KEYS[number % len(KEYS)])
        if number < 199:
            page.wait_for_function(SEEN, arg=number + 1, polling=10)
        page.wait_for_timeout(50)
    kept = page.locator("#banner").inner_text()
    page.wait_for_timeout(max(0.0, minutes * 60 - (time.monotonic() - start)) * 1000)
    before = len(service.answers(run))
    page.context.set_offline(False)
    start = time.monotonic()
    while len(service.answers(run)) < 200 and time.monotonic() - start < 60:
        page.wait_for_timeout(50)
    back = time.monotonic() - start
    page.wait_for_timeout(1000)
    found = Counter(item for item, _ in service.answers(run))
    page.context.close()
    twice = sum(count > 1 for count in found.values())
    return (
        f"200 images fetched in {ready:.1f} s; after {minutes:g} minutes without a network ({kept!r}, {before} at the labeler)"
        f" {len(found)} answers arrived within {back:.1f} s, {twice} doubled"
    )


def first_image(browser: Browser, service: Service, catalog: Artifact, tries: int = 5) -> str:
    """From opening the page to the first image on it, with nothing in the browser's cache."""
    run = "first"
    service.open_run(catalog, run=run, batch_size=1000)
    service.offer(range(400), run=run)
    times = []
    for _ in range(tries):
        page = open_page(browser, service, run)
        # The moment when the image is in the document, by the page's own clock, which starts with the navigation.
        times.append(
            page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
            )
        )
        page.context.close()
    return f"{quantiles(times)} of {tries} (its picture was made before)"
