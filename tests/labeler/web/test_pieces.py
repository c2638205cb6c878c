"""A closer look at large images, by HTTP: how many pixels there are, and pieces with all of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder, publish_names

LARGE, SMALL, BROKEN = 1, 2, 0  # in the order of their names
SIZE = (4900, 700)


def pixels() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    along = np.arange(SIZE[0])[None, :, None] // 20 + np.arange(SIZE[1])[:, None, None] // 30
    return (along % 200 + np.array([0, 25, 50])).astype(np.uint8)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("pieces")
    paint(folder / "data", ["a-broken.jpg", "c-small.png"])
    (folder / "data" / "a-broken.jpg").write_bytes(b"\xff\xd8\xff no image at all")
    Image.fromarray(pixels()).save(folder / "data" / "b-large.png")
    started = Service(folder, ACTIVE_LABELER_WEB_ACCESS="token")
    store = ArtifactStore(folder / "artifacts")
    started.open_run(publish_folder(store, folder / "data"), run="r")
    windows = ["b-large.png#0,0,512,512", "b-large.png#100,50,4500,600"]
    started.open_run(publish_names(store, folder / "data", windows), run="windows")
    yield started
    started.stop()


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    """An annotator's."""
    token = json.loads((service.folder / "labels" / "access.json").read_text())["annotator"]
    with httpx.Client(base_url=service.url, timeout=60, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def seen(answer: httpx.Response) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "JPEG"
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def test_an_annotator_looks_closely_at_the_own_pixels_of_an_image(web: httpx.Client) -> None:
    about = web.get(f"api/runs/r/images/{LARGE}/size").json()
    assert about == {"run": "r", "item": LARGE, "width": 4900, "height": 700, "side": 512, "levels": 1}
    for column, row, shape in ((0, 0, (512, 512)), (3, 1, (188, 512)), (9, 0, (512, 292)), (9, 1, (188, 292))):
        answer = web.get(f"api/runs/r/images/{LARGE}/pieces/0/{column}/{row}?v=1a2b")
        expected = pixels()[512 * row : 512 * (row + 1), 512 * column : 512 * (column + 1)]
        assert seen(answer).shape[:2] == shape
        assert np.abs(seen(answer) - expected).mean() < 3
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "private, max-age=86400, immutable"
    plain, bright = (seen(web.get(f"api/runs/r/images/{LARGE}/pieces/0/0/0{query}")) for query in ("", "?levels=auto"))
    assert plain.shape == bright.shape and np.abs(plain - bright).mean() > 3


def test_a_piece_is_made_once_and_kept(service: Service, web: httpx.Client) -> None:
    first = web.get(f"api/runs/r/images/{LARGE}/pieces/0/4/0")
    (service.folder / "data" / "b-large.png").rename(service.folder / "data" / "away")
    try:
        assert web.get(f"api/runs/r/images/{LARGE}/pieces/0/4/0").content == first.content
    finally:
        (service.folder / "data" / "away").rename(service.folder / "data" / "b-large.png")


def test_a_window_of_a_scene_has_pieces_where_it_is_large(web: httpx.Client) -> None:
    assert web.get("api/runs/windows/images/0/size").json()["levels"] == 0
    assert web.get("api/runs/windows/images/0/pieces/0/0/0").status_code == 404
    about = web.get("api/runs/windows/images/1/size").json()
    assert (about["width"], about["height"], about["levels"]) == (4500, 600, 1)
    found = seen(web.get("api/runs/windows/images/1/pieces/0/2/1"))
    assert np.abs(found - pixels()[50 + 512 : 650, 100 + 1024 : 100 + 1536]).mean() < 3


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (f"r/images/{LARGE}/pieces/1/0/0", "there is no level 1 of this image; it has 1, counted from 0"),
        (f"r/images/{LARGE}/pieces/0/10/0", "no piece at column 10, row 0 of level 0; it has 10 columns and 2 rows"),
        (f"r/images/{LARGE}/pieces/0/0/1048576", "no piece at column 0, row 1048576"),
        (f"r/images/{SMALL}/pieces/0/0/0", "an image of 64 x 48 pixels has no pieces"),
        ("r/images/3/pieces/0/0/0", "there is no image 3 in this run; it has 3, counted from 0"),
        ("r/images/9007199254740991/size", "there is no image 9007199254740991 in this run"),
        (f"none/images/{LARGE}/size", "the labeler knows no run 'none'"),
    ],
)
def test_what_there_is_not_is_named(web: httpx.Client, path: str, sentence: str) -> None:
    answer = web.get(f"api/runs/{path}")
    assert (answer.status_code, sentence in answer.json()["error"]) == (404, True), answer.text


@pytest.mark.parametrize(
    "path",
    [
        f"{LARGE}/pieces/-1/0/0",
        f"{LARGE}/pieces/0/-1/0",
        f"{LARGE}/pieces/0/0/1048577",
        f"{LARGE}/pieces/0/99999999999999999999999999/0",
        f"{LARGE}/pieces/0/1e3/0",
        f"{LARGE}/pieces/0/1.0/0",
        f"{LARGE}/pieces/0/0x1/0",
        f"{LARGE}/pieces/0/1_0/0",
        f"{LARGE}/pieces/0/01/0",
        f"{LARGE}/pieces/0/+1/0",
        f"{LARGE}/pieces/0/%201/0",
        f"{LARGE}/pieces/0/%D9%A1/0",
        f"{LARGE}/pieces/0/1%00/0",
        f"{LARGE}/pieces/0/1%0A/0",
        f"{LARGE}/pieces/nan/0/0",
        f"{LARGE}/pieces/0/0/<b>x<b>",
        f"{LARGE}/pieces/0/0/0?levels=much",
        f"{LARGE}/pieces/0/0/0?levels=auto&levels=x",
        "9007199254740992/size",
        "-1/size",
        "x/size",
        "x/pieces/0/0/0",
    ],
)
def test_hostile_numbers_are_refused_with_a_sentence(web: httpx.Client, path: str) -> None:
    answer = web.get(f"api/runs/r/images/{path}")
    assert (answer.status_code, "reload the page" in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize(
    "path", ["pieces", "pieces/0/0", "pieces/0/0/0/0", "pieces/0/../0", "pieces//0/0", "pieces/..%2F0/0/0"]
)
def test_addresses_that_no_page_asks_for_are_none(web: httpx.Client, path: str) -> None:
    answer = web.get(f"api/runs/r/images/{LARGE}/{path}")
    assert answer.status_code in (400, 403, 404) and answer.json()["error"]


@pytest.mark.parametrize("what", ["size", "pieces/0/0/0"])
def test_an_image_that_cannot_be_read_has_its_reason(web: httpx.Client, what: str) -> None:
    usual = web.get(f"api/runs/r/images/{BROKEN}")
    answer = web.get(f"api/runs/r/images/{BROKEN}/{what}")
    assert (answer.status_code, answer.json()["error"]) == (422, usual.json()["error"])


def test_without_a_token_there_is_nothing_to_see(service: Service) -> None:
    for what in ("size", "pieces/0/0/0"):
        assert httpx.get(f"{service.url}api/runs/r/images/{LARGE}/{what}").status_code == 401


def test_nothing_is_left_of_what_was_refused(service: Service, web: httpx.Client) -> None:
    """Somebody who asks for what there is not fills no disk with it."""
    web.get(f"api/runs/r/images/{LARGE}/size")
    cache = service.folder / "labels" / "derivatives"
    before = sorted(path.name for path in Path(cache).rglob("*.*"))
    for column in range(10, 30):
        assert web.get(f"api/runs/r/images/{LARGE}/pieces/0/{column}/0").status_code == 404
    assert sorted(path.name for path in Path(cache).rglob("*.*")) == before
