"""Who is asked to decode where a GPU could, and what happens where it fails; another decoder stands in for nvJPEG."""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from services.common.encoders.spec import EncoderSpec, OnnxSpec, Preprocessing
from services.embedder.decoders import Decoders
from services.embedder.decoding import Decoded, decode_row
from services.embedder.nvjpeg import NvJpeg, find_nvjpeg
from tests.embedder.test_decoders import rows_of
from tests.embedder.test_reading import photographs

SPEC = EncoderSpec("minicnn8", 8, 32, decode="scaled")
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
CUT = Preprocessing(40, 3, 1 / 255, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


class Another:
    """Decodes by Pillow, and notes what it was asked for."""

    def __init__(self, bad: bytes | None = None, dead: bool = False) -> None:
        self.asked: list[int] = []
        self.bad, self.dead = bad, dead

    def __call__(self, files: list[Tensor]) -> list[Tensor]:
        self.asked.append(len(files))
        data = [file.numpy().tobytes() for file in files]
        if self.dead or self.bad in data:
            raise RuntimeError("nvjpegDecode failed: 5")
        return [
            torch.from_numpy(np.array(Image.open(io.BytesIO(each)).convert("RGB"))).permute(2, 0, 1) for each in data
        ]


def near(one: Decoded, other: Decoded) -> bool:
    assert one.pixels is not None and other.pixels is not None and one.sha256 == other.sha256
    return bool(np.abs(one.pixels.astype(int) - other.pixels.astype(int)).mean() < 1)


@pytest.mark.parametrize(
    "spec", [SPEC, OnnxSpec("onnx", 8, 32, 9, 0, "o", CUT, decode="scaled")], ids=["whole", "middle"]
)
def test_it_gives_nearly_what_exact_decoding_gives(tmp_path: Path, spec: EncoderSpec) -> None:
    for size in ((640, 480), (333, 801), (40, 50)):
        root = photographs(tmp_path / f"{size}", 3, size)
        another = Another()
        found = NvJpeg(another, CPU).rows(root, rows_of(root), spec)
        exact = [decode_row(root, row, replace(spec, decode="exact")) for row in rows_of(root)]
        assert another.asked == [3] and all(map(near, found, exact))


def test_what_is_not_for_it_goes_to_the_processor_with_the_same_reason(tmp_path: Path) -> None:
    root = photographs(tmp_path / "images", 2)
    whole = (root / "0.jpg").read_bytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(root / "0.jpg").convert("CMYK").save(root / "cmyk.jpg")
    Image.open(root / "0.jpg").save(root / "turned.jpg", exif=exif)
    Image.new("RGB", (900, 20)).save(root / "strip.jpg")
    Image.new("RGB", (30, 20)).save(root / "other.png")
    for name, data in (("cut.jpg", whole[:-600]), ("empty.jpg", b""), ("start.jpg", b"\xff\xd8\xff\xff\xd9")):
        (root / name).write_bytes(data)
    rows, spec, another = rows_of(root), replace(SPEC, upright=True), Another()
    rows.append(replace(rows[0], path="../images/0.jpg"))
    rows.append(replace(rows[0], size=rows[0].size + 1))
    found = NvJpeg(another, CPU).rows(root, rows, spec)
    expected = [decode_row(root, row, spec) for row in rows]
    assert another.asked == [2]
    assert [(one.reason, one.sha256) for one in found] == [(one.reason, one.sha256) for one in expected]
    assert len({one.reason for one in found}) > 4
    for row, one, other in zip(rows, found, expected, strict=True):
        if row.path not in ("0.jpg", "1.jpg") and other.pixels is not None:
            np.testing.assert_array_equal(one.pixels, other.pixels)


def test_one_file_that_it_refuses_costs_no_other(tmp_path: Path) -> None:
    root = photographs(tmp_path / "images", 4)
    another = Another(bad=(root / "2.jpg").read_bytes())
    gpu = NvJpeg(another, CPU)
    found = gpu.rows(root, rows_of(root), SPEC)
    assert another.asked == [4, 1, 1, 1, 1] and not gpu.failed
    np.testing.assert_array_equal(found[2].pixels, decode_row(root, rows_of(root)[2], SPEC).pixels)
    assert all(file.pixels is not None for file in found)


def test_a_gpu_that_fails_is_not_asked_again_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = photographs(tmp_path / "images", 5)
    dead = Another(dead=True)
    gpu = NvJpeg(dead, CPU)
    expected = [decode_row(root, row, SPEC) for row in rows_of(root)]
    for _ in range(2):
        found = gpu.rows(root, rows_of(root), SPEC)
        assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(found, expected, strict=True))
    assert gpu.failed and len(dead.asked) == 6
    assert [record.message for record in caplog.records] == [
        "images are decoded on the processor from now on: nvJPEG fails (nvjpegDecode failed: 5)"
    ]


def test_decoders_give_it_whole_chunks_in_order(tmp_path: Path) -> None:
    root = photographs(tmp_path / "images", 37, (64, 48))
    another, decoders = Another(), Decoders(2)
    found = list(decoders.ahead(root, rows_of(root), SPEC, on_gpu=NvJpeg(another, CPU)))
    decoders.close()
    assert sorted(another.asked) == [5, 16, 16]
    digests = [hashlib.sha256((root / row.path).read_bytes()).digest() for row in rows_of(root)]
    assert [file.sha256 for file in found] == digests


def test_it_is_taken_only_where_it_is_wanted_and_can_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("torchvision.io")
    module.decode_jpeg = lambda files, mode, device: [(len(files), mode, device)]  # type: ignore[attr-defined]
    module.ImageReadMode = SimpleNamespace(RGB="rgb")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.io", module)
    there = find_nvjpeg(SPEC, GPU, True)
    assert there is not None and there.decode([torch.zeros(1)]) == [(1, "rgb", GPU)]
    assert find_nvjpeg(SPEC, GPU, False) is None
    assert find_nvjpeg(SPEC, CPU, True) is None
    assert find_nvjpeg(replace(SPEC, decode="exact"), GPU, True) is None
    lanczos = OnnxSpec("onnx", 8, 32, 9, 0, "o", replace(CUT, resample=1), decode="scaled")
    assert find_nvjpeg(lanczos, GPU, True) is None
    assert not caplog.records
    for absent in (None, ModuleType("torchvision.io")):
        monkeypatch.setitem(sys.modules, "torchvision.io", absent)
        assert find_nvjpeg(SPEC, GPU, True) is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
