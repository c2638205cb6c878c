"""Bytes to pixels: exact for what is an image, one sentence for everything else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.common.images import UnreadableImageError, decode, read_file, size_of, to_rgb, to_square


def encoded(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def noise(height: int = 20, width: int = 30, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


KINDS = {
    "RGB": "PNG JPEG WEBP BMP TIFF PPM",
    "L": "JPEG PNG",
    "CMYK": "JPEG",
    "RGBA": "PNG",
    "P": "GIF",
    "1": "PNG",
    "LA": "PNG",
}


@pytest.mark.parametrize(("mode", "kind"), [(mode, kind) for mode, kinds in KINDS.items() for kind in kinds.split()])
def test_decoding_is_what_pillow_gives(mode: str, kind: str) -> None:
    data = encoded(noise(mode=mode), kind)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(np.asarray(decode(data)), expected)


def test_resizing_is_bilinear_and_keeps_no_aspect_ratio() -> None:
    image = noise()
    assert to_square(image, 8).shape == (8, 8, 3)
    assert np.array_equal(to_square(image, 8), np.asarray(image.resize((8, 8), Image.Resampling.BILINEAR)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_images_are_stretched_and_not_clipped_to_white(dtype: type) -> None:
    ramp = np.linspace(300, 60000, 64 * 64).reshape(64, 64).astype(dtype)
    pixels = np.asarray(decode(encoded(Image.fromarray(ramp), "TIFF")))[..., 0]
    assert pixels.min() == 0 and pixels.max() == 255 and 120 < pixels.mean() < 135


def test_floats_within_bytes_stay_as_they_are() -> None:
    values = np.linspace(0, 200, 64).reshape(8, 8).astype(np.float32)
    assert np.array_equal(np.asarray(decode(encoded(Image.fromarray(values), "TIFF")))[..., 0], values.astype(np.uint8))
    nothing = np.full((8, 8), np.nan, dtype=np.float32)
    with pytest.raises(UnreadableImageError, match="no pixel has a finite value"):
        decode(encoded(Image.fromarray(nothing), "TIFF"))


def test_rotation_by_exif_is_for_people_only() -> None:
    image = noise(10, 20)
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(image, "JPEG", exif=exif)
    assert decode(data).size == (20, 10)
    assert decode(data, upright=True).size == (10, 20)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_pixels_of_an_image_that_somebody_has_open_are_left_to_them(mode: str, upright: bool) -> None:
    theirs = Image.new(mode, (20, 10), 7)
    ours = to_rgb(theirs, upright)
    ours.paste((200, 0, 0), (0, 0, 20, 10))
    assert (ours.mode, ours.getpixel((3, 3))) == ("RGB", (200, 0, 0))
    assert theirs.getextrema() == Image.new(mode, (20, 10), 7).getextrema()


def test_limits_hold() -> None:
    data = encoded(noise(20, 30))
    with pytest.raises(UnreadableImageError, match="30 x 20 pixels are more than the limit of 500"):
        decode(data, limit_pixels=500)
    with pytest.raises(UnreadableImageError, match="bytes are more than the limit of 10"):
        decode(data, limit_bytes=10)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\x00" * 100, "no image of a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "no image of a known format"),
        (encoded(noise(200, 200))[:-3000], "damaged image"),
        (encoded(noise(200, 200), "JPEG")[:5000], "damaged image"),
    ],
)
def test_what_is_no_image_has_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        decode(data)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_mutated_images_end_in_pixels_or_a_reason(kind: str) -> None:
    good = encoded(noise(40, 40), kind)
    rng = np.random.default_rng(1)
    for _ in range(80):
        data = bytearray(good)
        for place in rng.integers(0, min(len(data), 400), 4):
            data[place] = rng.integers(256)
        try:
            assert decode(bytes(data), limit_pixels=10**6).mode == "RGB"
        except UnreadableImageError as error:
            assert str(error) and "\n" not in str(error)


def test_files_that_cannot_be_read_have_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "big").write_bytes(bytes(20))
    for name, reason in {"none": "No such file", "pipe": "no regular", ".": "no regular", "loop": "symbolic"}.items():
        with pytest.raises(UnreadableImageError, match=reason):
            read_file(tmp_path / name)
    with pytest.raises(UnreadableImageError, match="20 bytes are more than the limit of 10"):
        read_file(tmp_path / "big", limit_bytes=10)
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        read_file(Path("a\0b"))


def test_a_file_becomes_a_square(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    assert np.array_equal(to_square(decode(read_file(tmp_path / "a.png")), 16), to_square(noise(), 16))


def test_a_size_is_told_without_the_pixels(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("RGB", (30, 20)).save(data, "PNG")
    (tmp_path / "half.png").write_bytes(data.getvalue()[:45])
    assert size_of(tmp_path / "half.png") == (30, 20)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.png").write_text("no image")
    for name in ("pipe", "text.png", "absent", "a\0b"):
        with pytest.raises(UnreadableImageError):
            size_of(tmp_path / name)


def test_a_large_scene_makes_no_noise_on_the_terminal(tmp_path: Path) -> None:
    Image.new("L", (10_000, 10_000)).save(tmp_path / "scene.png")
    code = "from pathlib import Path; from services.common.images import size_of; print(size_of(Path('scene.png')))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(10000, 10000)\n", "")
