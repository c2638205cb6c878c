"""Windows of scenes: the same pixels as the whole has there, read by parts, whatever the file is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from services.common import rasters, windows
from services.common.images import UnreadableImageError, decode
from services.common.windows import Window, file_name, name_of, open_image, size_of, split
from tests.support.odd_images import tiff

BOXES = [
    Window(0, 0, 40, 40),
    Window(17, 33, 40, 25),
    Window(150, 60, 50, 60),
    Window(0, 0, 200, 120),
    Window(199, 119, 1, 1),
]


def scene(dtype: str, bands: int) -> np.ndarray[Any, Any]:
    values = np.random.default_rng(3).random((120, 200, bands)) * (255 if dtype == "uint8" else 3000) + 300 * (
        dtype != "uint8"
    )
    return values.astype(dtype) if bands > 1 else values[..., 0].astype(dtype)


HOW: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 48), "compression": "lzw"},
    "strips": {"rowsperstrip": 7, "compression": "deflate", "predictor": True},
    "plain": {},
    "jpeg-less tiles": {"tile": (64, 64)},
    "big": {"bigtiff": True, "tile": (64, 64), "compression": "zstd"},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(("dtype", "bands", "planar"), [
    ("uint8", 1, ""), ("uint8", 3, "contig"), ("uint8", 3, "separate"), ("uint8", 5, "contig"),
    ("uint16", 1, ""), ("uint16", 3, "contig"), ("float32", 4, "separate"), ("int16", 3, "contig"),
])  # fmt: skip
def test_a_window_of_a_tiff_is_what_the_whole_has_there(
    how: str, dtype: str, bands: int, planar: str, tmp_path: Path
) -> None:
    values = scene(dtype, bands)
    order = {"planarconfig": planar} if planar else {}
    stored = np.ascontiguousarray(np.moveaxis(values, -1, 0)) if planar == "separate" else values
    photometric = "rgb" if bands == 3 else "minisblack"
    file = tmp_path / "scene.tif"
    file.write_bytes(tiff(stored, photometric=photometric, **order, **HOW[how]))
    with tifffile.TiffFile(file) as opened:
        page = opened.pages.first
        bands_shown = rasters.rgb_bands(page, page.asarray())
        bounds = None if dtype == "uint8" else rasters._bounds_of_scene(page, file)
        whole = rasters.to_bytes(page, bands_shown, bounds)
    for window in BOXES:
        found = np.asarray(windows.read_window(file, window))
        expected = whole[window.y : window.y + window.height, window.x : window.x + window.width]
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_other_formats_are_decoded_once_and_cut(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "scene.img"
    Image.fromarray(scene("uint8", 3)).save(file, kind)
    whole = np.asarray(decode(file.read_bytes()))
    decoded: list[int] = []
    monkeypatch.setattr(windows, "decode", lambda data: decoded.append(1) or decode(data))
    for window in BOXES:
        found = np.asarray(open_image(tmp_path / name_of("scene.img", window)))
        assert np.array_equal(found, whole[window.y : window.y + window.height, window.x : window.x + window.width])
    assert decoded == [1]
    Image.new("RGB", (200, 120), "red").save(file, kind)  # another scene under the name
    assert np.asarray(open_image(tmp_path / name_of("scene.img", BOXES[0])))[0, 0, 1] < 5


def test_only_the_parts_under_a_window_are_read(tmp_path: Path) -> None:
    """All other tiles of this scene are damaged."""
    values = np.full((4096, 4096, 3), 90, dtype=np.uint8)
    file = tmp_path / "scene.tif"
    tifffile.imwrite(file, values, photometric="rgb", tile=(256, 256), compression="deflate")
    with tifffile.TiffFile(file) as opened:
        page = opened.pages.first
        offsets, counts = list(page.dataoffsets), list(page.databytecounts)
    content = bytearray(file.read_bytes())
    for number, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
        if number != 17:  # the tile at 256, 256
            content[offset : offset + count] = bytes(count)
    file.write_bytes(bytes(content))
    assert np.asarray(windows.read_window(file, Window(256, 256, 256, 256))).min() == 90
    with pytest.raises(UnreadableImageError, match="damaged image"):
        windows.read_window(file, Window(255, 256, 256, 256))


def test_a_scene_is_larger_than_a_whole_image_may_be(tmp_path: Path) -> None:
    file = tmp_path / "huge.tif"
    page = np.zeros((256, 256), dtype=np.uint8)
    page[3, 5] = 200
    tiles = (page for _ in range(80 * 80))
    how = {"tile": (256, 256), "compression": "zstd", "photometric": "minisblack"}
    tifffile.imwrite(file, tiles, shape=(20480, 20480), dtype=np.uint8, **how)
    assert size_of(file) == (20480, 20480)
    with pytest.raises(UnreadableImageError, match="limit"):
        open_image(file)
    assert np.asarray(open_image(tmp_path / name_of("huge.tif", Window(20224, 20224, 256, 256))))[3, 5, 0] == 200


def test_names_are_taken_apart_unless_a_file_is_called_so(tmp_path: Path) -> None:
    assert split(tmp_path / "a.tif#1,2,3,4") == (tmp_path / "a.tif", Window(1, 2, 3, 4))
    for name in ("a.tif", "a.tif#1,2,3", "a.tif#1,2,0,4", "a#b.png"):
        assert split(tmp_path / name) is None
    (tmp_path / "b.png#1,2,3,4").touch()
    assert split(tmp_path / "b.png#1,2,3,4") is None
    assert file_name("a.b.tif#512,0,256,128") == "a.b_x512_y0_256x128.png" and file_name("a#b.png") == "a#b.png"


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "the file is empty"), (b"nothing", "no image of a known format"), (b"II*\0" + bytes(40), "damaged|no image|known"),
    (tiff(np.zeros((8, 9), np.complex64)), "is no picture"),
])  # fmt: skip
def test_what_cannot_be_read_by_window_has_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=reason):
        open_image(tmp_path / "x.tif#0,0,4,4")
    with pytest.raises(UnreadableImageError, match="cannot be read: No such file"):
        open_image(tmp_path / "absent.tif#0,0,4,4")
    (tmp_path / "y.tif").write_bytes(tiff(np.zeros((8, 9), np.uint8)))
    with pytest.raises(UnreadableImageError, match="the window ends at"):
        open_image(tmp_path / "y.tif#0,0,10,4")


@pytest.mark.filterwarnings("ignore")
def test_windows_of_mutated_scenes_end_in_pixels_or_a_reason(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = tiff(scene("uint16", 3), photometric="rgb", tile=(32, 48), compression="lzw")
    for number in range(300):
        data = bytearray(good)
        for place in rng.integers(0, 700 if number % 2 else len(good), 5):
            data[place] = rng.integers(256)
        file = tmp_path / f"{number}.tif"
        file.write_bytes(data)
        try:
            assert windows.read_window(file, Window(20, 20, 90, 70)).size == (90, 70)
        except UnreadableImageError as error:
            assert str(error)
