"""Tiles: small pictures, many at once, of which those that somebody looks at come first."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from services.common.images import UnreadableImageError
from services.labeler.pictures.display import Look, derive
from services.labeler.pictures.orders import Urgency
from services.labeler.pictures.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "cache", seconds=10)
    yield made
    made.close()


def _photo(path: Path) -> Path:
    Image.effect_noise((900, 900), 60).convert("RGB").save(path)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_tile_is_small_and_looks_the_same(workshop: Workshop, tmp_path: Path, name: str) -> None:
    Image.linear_gradient("L").resize((1600, 1200)).convert("RGB").save(tmp_path / name)
    with Image.open(workshop.get("f" * 40, tmp_path / name, look=Look(tile=True)).result(20)) as tile:
        assert tile.size == (320, 240)
        assert abs(tile.convert("L").getpixel((160, 120)) - 127) < 6


def test_a_damaged_jpeg_has_its_reason_as_a_tile_too(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff no image at all")
    with pytest.raises(UnreadableImageError, match="no image of a known format"):
        workshop.get("0" * 40, tmp_path / "a.jpg", look=Look(tile=True)).result(20)


def _sheet(workshop: Workshop, sources: list[Path]) -> list[tuple[str, Future[Path]]]:
    turn, names = workshop.turn(), [f"{abs(hash(source)):040d}" for source in sources]
    return [
        (name, workshop.get(name, source, Urgency.SHEET, Look(tile=True), turn))
        for name, source in zip(names, sources, strict=True)
    ]


def test_the_newest_sheet_comes_first_and_one_image_before_all_sheets(workshop: Workshop, tmp_path: Path) -> None:
    old, new = ([_photo(tmp_path / f"{word}{n}.png") for n in range(4)] for word in ("old", "new"))
    one = _photo(tmp_path / "one.png")
    finished: list[str] = []
    promised = _sheet(workshop, old) + _sheet(workshop, new) + [("1" * 40, workshop.get("1" * 40, one))]
    for (_, future), source in zip(promised, [*old, *new, one], strict=True):
        future.add_done_callback(lambda _, name=source.stem: finished.append(name))  # type: ignore[misc]
    for _, future in promised:
        future.result(30)
    begun = finished.index("one")
    assert begun <= 1  # the worker was at work on one of the first sheet at most
    order = ["new0", "new1", "new2", "new3", "old0", "old1", "old2", "old3"]
    assert finished[begun + 1 :] == [name for name in order if name not in finished[:begun]]


def test_what_nobody_wants_any_more_is_not_begun(workshop: Workshop, tmp_path: Path) -> None:
    sources = [_photo(tmp_path / f"{n}.png") for n in range(6)]
    first, second = _sheet(workshop, sources), _sheet(workshop, sources[4:])  # the last two, two people look at
    kept = workshop.get(first[3][0], sources[3], Urgency.AHEAD)  # and this one somebody will want
    for name, future in first:
        workshop.withdraw(name, future)
    assert [future.result(30).is_file() for _, future in second] == [True, True]
    assert kept.result(30).is_file()
    assert all(future.cancelled() for _, future in first[1:3])
    again = _sheet(workshop, sources[1:2])
    workshop.withdraw(first[1][0], first[1][1])  # once more, and too late: it is another's by now
    assert again[0][1].result(30).is_file()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tile_looks_as_the_image_does_however_it_is_turned(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (1200, 700), "white")
    picture.paste("red", (0, 0, 600, 350))
    picture.paste("blue", (600, 350, 1200, 700))
    picture.save(tmp_path / "a.jpg", exif=exif)
    _look_alike(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "form", ["16 bits", "palette", "grey", "cmyk", "progressive", "transparent", "window", "long", "tiny"]
)
def test_a_tile_looks_as_the_image_does_whatever_it_is(tmp_path: Path, form: str) -> None:
    colours = Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * turn).resize((800, 600)) for turn in range(3)])
    file = tmp_path / "a.png"
    if form == "16 bits":
        values = np.linspace(900, 3000, 480_000, dtype=np.uint16).reshape(600, 800)
        Image.fromarray(values).save(file)
    elif form == "palette":
        colours.quantize(64).save(file, transparency=3)
    elif form == "transparent":
        colours.putalpha(Image.linear_gradient("L").resize((800, 600)))
        colours.save(file)
    elif form == "window":
        colours.save(tmp_path / "scene.png")
        file = tmp_path / "scene.png#100,100,500,400"
    else:
        file = tmp_path / "a.jpg"
        made = {"grey": colours.convert("L"), "cmyk": colours.convert("CMYK"), "long": colours.resize((2400, 480))}
        made["tiny"] = colours.resize((90, 60))
        made.get(form, colours).save(file, quality=95, progressive=form == "progressive")
    _look_alike(file)


def _look_alike(file: Path) -> None:
    """The tile of a file is its picture at screen size, made smaller."""
    with Image.open(io.BytesIO(derive(file))) as screen, Image.open(io.BytesIO(derive(file, Look(tile=True)))) as tile:
        expected = screen.convert("RGB")
        if expected.width > 2 * expected.height:  # of a long one, the middle
            expected = expected.crop(
                (expected.width // 2 - expected.height, 0, expected.width // 2 + expected.height, expected.height)
            )
        expected.thumbnail((320, 320))
        assert abs(expected.width - tile.width) <= 1 and abs(expected.height - tile.height) <= 1
        difference = ImageChops.difference(expected.resize(tile.size), tile.convert("RGB"))
    assert np.asarray(difference).mean() < 3 and np.percentile(np.asarray(difference), 99) < 24


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_shadows_beside_a_bright_lamp_are_lifted(tmp_path: Path, deep: bool) -> None:
    """Its levels span everything already: to draw them apart alone changes nothing."""
    night = np.tile(np.linspace(0, 20, 400), (300, 1))
    night[:30] = 255
    pixels = (night * 200).astype(np.uint16) if deep else night.astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with Image.open(io.BytesIO(derive(tmp_path / "a.png", Look(levels=True)))) as bright:
        seen = np.asarray(bright.convert("L"))
    assert 55 < np.median(seen) < 110 and seen.max() > 240
    assert seen[200, 300] > seen[200, 100] + 20  # what is in the shadows can be told apart


def test_what_is_bright_enough_is_not_lifted(tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((600, 400)).save(tmp_path / "a.png")
    looks = [derive(tmp_path / "a.png", Look(levels=levels)) for levels in (False, True)]
    plain, levelled = (np.asarray(Image.open(io.BytesIO(look)).convert("L"), dtype=int) for look in looks)
    assert np.abs(plain - levelled).mean() < 4
