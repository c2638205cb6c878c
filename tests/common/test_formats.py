"""What people's folders hold: formats by content, the first page, deep pixels stretched, packages that may be absent."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from services.common import images, rasters
from services.common.images import UnreadableImageError, decode, size_of
from tests.support.odd_images import encoded, noise, png_of_16_bits, smooth, tiff


def pixels(data: bytes) -> NDArray[np.int32]:
    return np.asarray(decode(data)).astype(np.int32)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_of_several_pages_or_frames_the_first_is_read(kind: str) -> None:
    first, second = noise(seed=1).convert("P").convert("RGB"), noise(seed=2)
    more = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(first, kind, save_all=True, append_images=[second], **more)
    assert np.array_equal(pixels(data), np.asarray(first))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "AVIF", "JPEG2000"])
def test_the_name_says_nothing_about_the_format(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "lies.jpg"
    file.write_bytes(encoded(noise(), kind))
    assert decode(file.read_bytes()).size == size_of(file) == (30, 20)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("top", [4095, 65535])
def test_a_png_of_16_bits_keeps_what_only_its_lower_bytes_tell(channels: int, top: int) -> None:
    """Twelve bits in sixteen would be nearly black by their upper byte."""
    values = (smooth()[..., :1] * top).astype(np.uint16).repeat(channels, axis=2)
    found = pixels(png_of_16_bits(values))
    assert np.abs(found - values[..., :1] / top * 255).max() <= 4
    assert len(np.unique(found)) > 50


@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_tiff_of_16_bits_keeps_hues(compression: str | None, byteorder: str) -> None:
    values = (smooth() * (4000, 2000, 1000)).astype(np.uint16)
    found = pixels(tiff(values, photometric="rgb", compression=compression, byteorder=byteorder))
    assert np.abs(found - values / 4000 * 255).max() <= 12  # all channels by one rule


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint16", "int32"])
@pytest.mark.parametrize("bands", [1, 3, 4, 7])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_rasters_of_any_type_and_number_of_bands_become_their_first_three(dtype: str, bands: int, planar: str) -> None:
    if planar == "separate" and bands == 1:
        pytest.skip("one band has no order")
    shown = (smooth() * 9000 - 3000 * (dtype != "uint16")).astype(dtype)
    more = np.concatenate([shown] + [np.full_like(shown, 77)] * 2, axis=2)[..., :bands]
    how = {"planarconfig": planar} if bands > 1 else {}
    values = np.moveaxis(more, -1, 0) if planar == "separate" else more if bands > 1 else more[..., 0]
    found = pixels(
        tiff(np.ascontiguousarray(values), photometric="minisblack", tile=(16, 16), compression="lzw", **how)
    )
    expected = smooth() if bands >= 3 else smooth()[..., :1]
    assert np.abs(found - expected * 255).max() <= (13 if dtype == "uint16" and bands >= 3 else 6)


def test_values_without_meaning_do_not_spread_the_others() -> None:
    values = (smooth()[..., 0] * 100 + 500).astype(np.float32)
    values[:10] = -9999
    values[10, 3:6] = (np.nan, np.inf, -np.inf)
    nodata = [(42113, "s", 0, "-9999", True)]
    for more in ({}, {"photometric": "minisblack"}):
        found = pixels(tiff(values, extratags=nodata, **more))[..., 0]
        assert found[:10].max() == 0 and list(found[10, 3:6]) == [0, 255, 0]
        assert np.abs(found[11:] - smooth()[11:, :, 0] * 255).max() <= 4


@pytest.mark.parametrize("bands", [1, 3])
def test_nothing_finite_is_a_reason(bands: int) -> None:
    data = tiff(np.full((8, 9, bands), np.nan, dtype=np.float32), photometric="minisblack")
    with pytest.raises(UnreadableImageError, match="no pixel has a finite value"):
        decode(data)


def test_extreme_and_constant_values_are_survived() -> None:
    huge = np.array([[-1e308, 1e308], [0, 5]])
    assert decode(tiff(huge)).size == (2, 2)
    flat = np.full((8, 8), 3000, dtype=np.uint16)
    flat[2, 2] = 9000  # one spot on an even ground is not lost
    found = pixels(tiff(flat))[..., 0]
    assert found[2, 2] == 255 and np.count_nonzero(found) == 1


def test_complex_numbers_and_too_many_bands_are_refused() -> None:
    with pytest.raises(UnreadableImageError, match="of type complex64 is no picture"):
        decode(tiff(np.zeros((8, 9), dtype=np.complex64)))
    with pytest.raises(UnreadableImageError, match="200 bytes a pixel are more than the limit of 64"):
        decode(tiff(np.zeros((8, 9, 50), dtype=np.float32), photometric="minisblack", planarconfig="contig"))


def test_limits_hold_for_rasters_and_heic_too() -> None:
    with pytest.raises(UnreadableImageError, match="64 x 48 pixels are more than the limit of 3000"):
        decode(tiff(smooth().astype(np.float32), photometric="rgb"), limit_pixels=3000)
    decode(encoded(noise(), "PNG"))  # makes HEIF known to Pillow
    with pytest.raises(UnreadableImageError, match="30 x 20 pixels are more than the limit of 500"):
        decode(encoded(noise(), "HEIF"), limit_pixels=500)


def test_a_size_is_told_of_rasters_too(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(smooth().astype(np.float32), photometric="rgb"))
    assert size_of(tmp_path / "a.tif") == (64, 48)


def test_heic_is_read_upright_as_it_was_taken() -> None:
    decode(encoded(noise(), "PNG"))
    image = Image.fromarray((smooth() * 255).astype(np.uint8))
    found = pixels(encoded(image, "HEIF", quality=95))
    assert np.abs(found - np.asarray(image)).mean() < 4


def test_a_package_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    decode(encoded(noise(), "PNG"))
    heic = encoded(noise(), "HEIF")
    monkeypatch.setattr(images, "_heif_available", lambda: False)
    monkeypatch.setattr(images, "_known_formats", lambda: ["PNG", "TIFF"])
    monkeypatch.setattr(rasters, "AVAILABLE", False)
    with pytest.raises(UnreadableImageError, match=r"pip install 'active-labeler\[heic\]'"):
        decode(heic)
    with pytest.raises(UnreadableImageError, match=r"pip install 'active-labeler\[geotiff\]'"):
        decode(tiff(smooth().astype(np.float32), photometric="rgb"))


def test_exif_rotates_16_bits_for_people() -> None:
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(io.BytesIO(png_of_16_bits((smooth() * 60000).astype(np.uint16)))) as image:
        assert image.size == (64, 48)
    data = tiff((smooth() * 60000).astype(np.uint16), photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert decode(data).size in ((64, 48), (48, 64))
    assert decode(data, upright=True).size == (48, 64)
