"""Many pictures in one answer."""

from __future__ import annotations

import io
import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, publish_folder
from tests.labeler.web.kit import sync

PICTURE, UNREADABLE, LATER = 0, 1, 2


def _frames(parts: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
    data, found = b"".join(parts), []
    while data:
        place, kind, length = struct.unpack_from("<III", data)
        found.append((place, kind, data[12 : 12 + length]))
        data = data[12 + length :]
    return found


def _ask(web: httpx.Client, run: str, items: list[Any]) -> list[tuple[int, int, bytes]]:
    answer = web.post(f"api/runs/{run}/pictures", json={"items": items})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    return _frames([answer.content])


def test_a_sheet_is_the_tiles_that_one_gets_one_by_one(web: httpx.Client, run: str) -> None:
    cards = {card["name"]: card["item"] for card in sync(web, run, want=7)["cards"]}
    items = list(cards.values())
    for _ in range(2):  # made, and found
        frames = {place: (kind, content) for place, kind, content in _ask(web, run, items)}
        assert sorted(frames) == list(range(7))
        for place, item in enumerate(items):
            single = web.get(f"api/runs/{run}/images/{item}?size=tile")
            expected = (PICTURE, single.content)
            if item == cards["broken.jpg"]:
                expected = (UNREADABLE, single.json()["error"].encode())
            assert frames[place] == expected
    assert Image.open(io.BytesIO(frames[items.index(cards["large.jpg"])][1])).size == (320, 160)


def test_an_image_may_come_twice_in_a_sheet(web: httpx.Client, run: str) -> None:
    frames = _ask(web, run, [0, 0, 1])
    assert sorted(place for place, _, _ in frames) == [0, 1, 2]
    contents = {place: content for place, _, content in frames}
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([], 400),
        (list(range(201)), 400),
        ([-1], 400),
        (["0"], 400),
        ([1.5], 400),
        ([True], 400),
        ([2**53], 400),
        ([None], 400),
        ({"0": 0}, 400),
        ("../../etc/passwd", 400),
        ([0, 7], 404),
        ([2**53 - 1], 404),
    ],
)
def test_what_is_no_sheet_is_refused(web: httpx.Client, run: str, items: Any, status: int) -> None:
    answer = web.post(f"api/runs/{run}/pictures", json={"items": items})
    assert (answer.status_code, answer.json()["run"]) == (status, run)
    assert web.post("api/runs/none/pictures", json={"items": [0]}).status_code == 404
    assert web.post(f"api/runs/{run}/pictures", json={"items": [0], "path": "/etc/passwd"}).status_code == 400


def test_what_cannot_be_written_comes_later(web: httpx.Client, run: str, service: Service) -> None:
    folder = service.folder / "labels" / "derivatives"
    before = set(folder.iterdir()) if folder.exists() else set()
    for number in range(256):  # no folder can be made in the place of a file
        place = folder / f"{number:02x}"
        if not place.exists():
            place.write_text("in the way")
    names = [f"new{number}.png" for number in range(8)]
    data = service.folder / "more"
    data.mkdir()
    for number, name in enumerate(names):
        Image.new("RGB", (300, 200), (number, 0, 0)).save(data / name)
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), data), run=f"{run}x")
    kinds = {kind for _, kind, _ in _ask(web, f"{run}x", list(range(8)))}
    for path in set(folder.iterdir()) - before:
        path.unlink()
    assert LATER in kinds
    assert {kind for _, kind, _ in _ask(web, f"{run}x", list(range(8)))} == {PICTURE}


def test_a_sheet_that_is_given_up_is_not_made(web: httpx.Client, run: str, service: Service, tmp_path: Path) -> None:
    """Its images are large; the browser goes away once the first are there."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "0.png", compress_level=0)
    for number in range(1, 60):
        os.link(tmp_path / "0.png", tmp_path / f"{number}.png")
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), tmp_path), run=f"{run}y")
    got = b""
    with web.stream("POST", f"api/runs/{run}y/pictures", json={"items": list(range(60))}) as answer:
        for part in answer.iter_raw():
            got += part
            break
    derivatives = service.folder / "labels" / "derivatives"
    made = len(list(derivatives.glob("??/*.img")))
    assert len(_ask(web, f"{run}y", [59])) == 1  # at once, not after all the others
    count, quiet = -1, 0
    while quiet < 10:  # until nothing is made any more
        before, count = count, len(list(derivatives.glob("??/*.img")))
        quiet = quiet + 1 if count == before else 0
        time.sleep(0.1)
    assert count < made + 20
