"""Windows of a large scene as images: found, shown, and written with their place."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from orchestrator.sources.tiles import windows_of
from tests.support.command import HOG, run_command
from tests.support.pictures import picture

SIDE = 48
LOOP = ("--auto", "--rounds", "2", "--sample-size", "8", "--seed-count", "30", "--port", "0")


def test_windows_cover_an_image_and_stay_inside() -> None:
    covered = np.zeros((100, 130), dtype=int)
    for window in windows_of(130, 100, 48):
        assert (window.width, window.height) == (48, 48)
        covered[window.y : window.y + 48, window.x : window.x + 48] += 1
    assert covered.min() == 1 and len(list(windows_of(130, 100, 48))) == 9
    assert [(w.x, w.width, w.height) for w in windows_of(100, 20, 48)] == [(0, 48, 20), (48, 48, 20), (52, 48, 20)]
    assert len(list(windows_of(10_000, 10_000, 512))) == 400


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A scene of 12 x 10 pictures, every fifth a ring; a small image beside it, and a broken one."""
    rng = np.random.default_rng(4)
    scene = np.zeros((10 * SIDE, 12 * SIDE, 3), dtype=np.uint8)
    for number in range(120):
        y, x = divmod(number, 12)
        kind = "ring" if number % 5 == 0 else "bar"
        scene[y * SIDE : (y + 1) * SIDE, x * SIDE : (x + 1) * SIDE] = np.asarray(picture(kind, rng, SIDE))
    (tmp_path / "data").mkdir()
    tifffile.imwrite(tmp_path / "data/scene.tif", scene, photometric="rgb", tile=(64, 64), compression="lzw")
    picture("bar", rng, SIDE).save(tmp_path / "data/small_bar.png")
    (tmp_path / "data/broken.tif").write_bytes(b"II*\0 no scene")
    picture("ring", rng, SIDE).save(tmp_path / "reference.png")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_a_run_on_windows(work: Path) -> None:
    data = work.parent / "data"
    given = ("--data", data, "--tile", str(SIDE), "--reference", "../reference.png", "--simulate", "8,48,48")
    done = run_command("run", *HOG, *given, *LOOP, cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Listed 122 images" in done.stdout
    with (work / "runtime/final_dataset.csv").open() as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert len(rows) == 121 and "broken.tif" in (work / "runtime/quarantine.csv").read_text()
    row = rows["scene.tif#96,48,48,48"]
    assert row["file"].endswith("/scene_x96_y48_48x48.png") and len({r["sha256"] for r in rows.values()}) == 121
    written = np.asarray(Image.open(work / "final_dataset" / row["file"]))
    assert np.array_equal(written, tifffile.imread(data / "scene.tif")[48:96, 96:144])
    answered = [file.name for file in (work / "runtime/swipe/labeled/positive").iterdir()]
    assert answered and all(name.startswith("scene_x") for name in answered)

    out = work / "out"
    formats = [part for name in ("coco", "imagefolder", "fiftyone") for part in ("--format", name)]
    exported = run_command("export", "runtime", "--output", out, *formats, cwd=work)
    assert exported.returncode == 0, exported.stderr
    coco = json.loads(next(out.rglob("*coco*.json")).read_text())
    image = next(image for image in coco["images"] if image["file_name"] == "scene.tif#96,48,48,48")
    assert (image["width"], image["height"]) == (48, 48)
    assert list(out.rglob("scene_x96_y48_48x48.png"))
