"""Pieces of images with more than 4,096 pixels: the image's own pixels, whatever the file is, decoded once for many of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from protos.errors import DamagedError, NotFoundError
from services.common.images import UnreadableImageError
from services.common.windows import open_image
from services.labeler.pictures import cutting
from services.labeler.pictures.cutting import Kept, make
from services.labeler.pictures.display import Look, derive, levels_of
from services.labeler.pictures.pyramid import Piece, Size
from tests.labeler.kit import banded

WIDE = (8300, 3100)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "photo.jpg"
    Image.fromarray(banded(*WIDE)).save(file, quality=95, subsampling=0)
    return file


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TIFF of 16 bits, dark on the left and bright on the right."""
    file = tmp_path_factory.mktemp("deep") / "deep.tif"
    values = np.linspace(900, 61_000, 6000, dtype=np.float32) + np.arange(1100, dtype=np.float32)[:, None] / 10
    Image.fromarray(values.astype(np.uint16)).save(file)
    return file


def strip(file: Path, width: int = 5000, height: int = 600) -> Path:
    """A large image that is cheap."""
    Image.fromarray(banded(width, height)).save(file)
    return file


def seen(data: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def piece_of(source: Path, piece: Piece, levels: bool = False, kept: Kept | None = None) -> NDArray[np.int16]:
    return seen(make(source, Look(piece=piece, levels=levels), kept or Kept()))


def alike(found: NDArray[np.int16], expected: NDArray[np.uint8], mean: float = 3.0) -> bool:
    """Within what JPEG loses."""
    return found.shape == expected.shape and float(np.abs(found - expected.astype(np.int16)).mean()) < mean


@pytest.mark.parametrize(
    ("size", "levels", "first"),
    [
        ((1, 1), 0, (1, 1)),
        ((4096, 4096), 0, (8, 8)),
        ((4097, 1), 1, (9, 1)),
        ((8192, 8192), 1, (16, 16)),
        ((8193, 10), 2, (17, 1)),
        ((10_000, 10_000), 2, (20, 20)),
        ((13_377, 13_377), 2, (27, 27)),
        ((100_000, 1789), 5, (196, 4)),
    ],
)
def test_levels_end_where_the_full_picture_shows_as_much(
    size: tuple[int, int], levels: int, first: tuple[int, int]
) -> None:
    found = Size(*size)
    assert (found.levels, found.grid(0)) == (levels, first)
    assert Size.of(found.as_bytes()) == found


@pytest.mark.parametrize("size", [(5000, 600), (8300, 6100), (9001, 513)])
def test_the_pieces_of_a_level_cover_the_image_once(size: tuple[int, int]) -> None:
    about = Size(*size)
    for level in range(about.levels):
        columns, rows = about.grid(level)
        boxes = [about.box(Piece(level, column, row)) for row in range(rows) for column in range(columns)]
        assert sum((right - left) * (lower - upper) for left, upper, right, lower in boxes) == size[0] * size[1]
        assert boxes[-1][2:] == size


@pytest.mark.parametrize(
    ("piece", "sentence"),
    [
        (Piece(2, 0, 0), "there is no level 2 of this image; it has 2, counted from 0"),
        (Piece(-1, 0, 0), "no level -1"),
        (Piece(0, 17, 0), "no piece at column 17, row 0 of level 0; it has 17 columns and 7 rows"),
        (Piece(1, 8, 4), "no piece at column 8, row 4 of level 1; it has 9 columns and 4 rows"),
        (Piece(0, -1, 0), "no piece at column -1"),
        (Piece(0, 0, 2**20), "no piece at column 0, row 1048576"),
    ],
)
def test_a_piece_that_there_is_not_is_named(piece: Piece, sentence: str) -> None:
    with pytest.raises(NotFoundError, match=sentence):
        Size(*WIDE).check(piece)


def test_a_smaller_image_has_no_pieces() -> None:
    with pytest.raises(NotFoundError, match="an image of 4096 x 3000 pixels has no pieces: its full picture shows all"):
        Size(4096, 3000).check(Piece(0, 0, 0))


@pytest.mark.parametrize("note", [b"", b"10", b"0 5", b"-1 5", b"a b", b"1 2 3", b"\xff\xd8\xff", b"1.5 2"])
def test_a_damaged_note_of_a_size_says_what_to_do(note: bytes) -> None:
    with pytest.raises(DamagedError, match="delete its folder of derivatives"):
        Size.of(note)


def test_pieces_show_the_own_pixels_of_a_large_photograph(photo: Path) -> None:
    kept = Kept()
    assert make(photo, Look(size=True), kept) == b"8300 3100"
    whole = np.asarray(open_image(photo))
    places = [(0, 0), (7, 3), (16, 0), (0, 6), (16, 6)]  # inside, and each edge
    for column, row in places:
        left, upper = 512 * column, 512 * row
        expected = whole[upper : upper + 512, left : left + 512]
        assert alike(piece_of(photo, Piece(0, column, row), kept=kept), expected)
    assert piece_of(photo, Piece(0, 16, 6), kept=kept).shape == (3100 - 6 * 512, 8300 - 16 * 512, 3)


def test_pieces_of_the_next_level_show_the_means_of_two_by_two(photo: Path) -> None:
    halved = np.asarray(open_image(photo).reduce(2))
    assert halved.shape == (1550, 4150, 3)
    kept = Kept()
    for column, row in [(3, 2), (8, 3)]:
        expected = halved[512 * row : 512 * (row + 1), 512 * column : 512 * (column + 1)]
        assert alike(piece_of(photo, Piece(1, column, row), kept=kept), expected)


def test_sixteen_bits_are_stretched_as_a_whole_and_not_piece_by_piece(deep: Path) -> None:
    kept = Kept()
    whole = np.asarray(open_image(deep))
    means = []
    for column in (0, 5, 11):
        expected = whole[512:1024, 512 * column : 512 * (column + 1)]
        found = piece_of(deep, Piece(0, column, 1), kept=kept)
        assert alike(found, expected)
        means.append(found.mean())
    assert means[0] < 25 and 110 < means[1] < 130 and means[2] > 235
    full = seen(derive(deep, Look(full=True)))  # what lies beneath them
    assert abs(full[:, : full.shape[1] * 512 // 6000].mean() - means[0]) < 2


def test_brightened_pieces_fit_the_brightened_full_picture(tmp_path: Path) -> None:
    """Its left half has few values: with levels of their own, pieces of it would be stretched to black and white."""
    night = np.tile(np.linspace(0, 30, 4800), (700, 1))
    night[:60, 4000:] = 250
    Image.fromarray(night.astype(np.uint8)).save(tmp_path / "night.png")
    full = seen(derive(tmp_path / "night.png", Look(full=True, levels=True)))
    plain = seen(derive(tmp_path / "night.png", Look(full=True)))
    scale = full.shape[1] / 4800
    kept = Kept()
    for column, row in [(0, 0), (4, 1), (8, 0)]:
        box = [round(512 * part * scale) for part in (column, column + 1, row, row + 1)]
        found = piece_of(tmp_path / "night.png", Piece(0, column, row), levels=True, kept=kept).mean()
        assert abs(found - full[box[2] : box[3], box[0] : box[1]].mean()) < 3
    assert full.mean() > 3 * plain.mean()


@pytest.mark.parametrize("seed", range(6))
def test_levels_are_those_of_pillow_as_one_table(seed: int) -> None:
    chance = np.random.default_rng(seed)
    pixels = chance.normal(90 + 20 * seed, 5 + 8 * seed, (90, 120, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    expected = ImageOps.autocontrast(image, cutoff=0.5, preserve_tone=True)
    assert np.array_equal(np.asarray(image.point(levels_of(image) * 3)), np.asarray(expected))


def test_an_image_of_one_colour_has_no_levels_to_draw_apart() -> None:
    assert levels_of(Image.new("RGB", (40, 40), (7, 7, 7))) == list(range(256))


def test_an_image_stands_upright_in_pieces_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(banded(4500, 200)).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    kept = Kept()
    assert make(tmp_path / "turned.jpg", Look(size=True), kept) == b"200 4500"
    whole = np.asarray(open_image(tmp_path / "turned.jpg", upright=True))
    assert alike(piece_of(tmp_path / "turned.jpg", Piece(0, 0, 8), kept=kept), whole[4096:4500])


@pytest.mark.parametrize("name", ["scene.png", "scene.tif"])
def test_a_large_window_of_a_scene_has_pieces_of_its_own(tmp_path: Path, name: str) -> None:
    pixels = banded(5400, 700)
    Image.fromarray(pixels).save(tmp_path / name)
    window = tmp_path / f"{name}#300,60,5000,600"
    assert make(window, Look(size=True), Kept()) == b"5000 600"
    assert alike(piece_of(window, Piece(0, 2, 1)), pixels[60 + 512 : 660, 300 + 1024 : 300 + 1536])


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
def test_images_of_every_mode_have_pieces(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4300, 20)).save(tmp_path / "image.tif")
    assert piece_of(tmp_path / "image.tif", Piece(0, 8, 0)).shape == (20, 4300 - 8 * 512, 3)


def test_an_image_is_decoded_once_for_all_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def noted(source: Path, upright: bool) -> Image.Image:
        decoded.append(source.name)
        return open_image(source, upright)

    monkeypatch.setattr(cutting, "open_image", noted)
    files = [strip(tmp_path / f"{n}.png") for n in range(3)]
    strip(tmp_path / "small.png", 400, 300)
    kept = Kept(most_bytes=(2 * 5000 * 600 + 400 * 300) * 4)
    for file in (files[0], files[1], files[0], tmp_path / "small.png", files[0], files[1]):
        kept.of(file)
    assert decoded == ["0.png", "1.png", "small.png"]
    kept.of(files[2])  # there is room for two: the one that was looked at longest ago makes it
    kept.of(files[1])
    assert decoded[3:] == ["2.png"]
    kept.of(files[0])
    assert decoded[4:] == ["0.png"]
    strip(files[0], 4800)  # another image under the name
    assert make(files[0], Look(size=True), kept) == b"4800 600"


def test_what_is_kept_is_bounded_and_one_alone_is_always_kept(tmp_path: Path) -> None:
    kept = Kept(most_bytes=1)
    for name in ("a.png", "b.png"):
        first = kept.of(strip(tmp_path / name))
        assert kept.of(tmp_path / name) is first
        assert len(kept._images) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"\xff\xd8\xff no image", "no image of a known format"), (None, "cannot be read")],
)
def test_what_cannot_be_read_has_its_reason_as_everywhere(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    for look in (Look(size=True), Look(piece=Piece(0, 0, 0))):
        with pytest.raises(UnreadableImageError, match=reason):
            make(tmp_path / "a.jpg", look, Kept())


def test_an_image_that_has_become_smaller_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="has become smaller, 5000 x 600 pixels"):
        piece_of(strip(tmp_path / "a.png"), Piece(0, 12, 0))
