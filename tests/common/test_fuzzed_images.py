"""Thousands of mutated files of each format: pixels or one sentence, never another exception, never the end of the process."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from services.common.images import UnreadableImageError, decode
from tests.support.odd_images import encoded, noise, png_bomb, png_of_16_bits, smooth, tiff

decode(encoded(noise(), "PNG"))  # makes HEIF known to Pillow
_DEEP = (smooth(24, 32) * 60000).astype(np.uint16)
_FLOAT = smooth(24, 32).astype(np.float32)
SEEDS = {
    "jpeg": encoded(noise(), "JPEG"),
    "jpeg, CMYK": encoded(noise(mode="CMYK"), "JPEG"),
    "jpeg, progressive": encoded(noise(), "JPEG", progressive=True),
    "png": encoded(noise(), "PNG"),
    "png, palette": encoded(noise(mode="P"), "PNG"),
    "png, 16 bits": png_of_16_bits(_DEEP),
    "webp": encoded(noise(), "WEBP"),
    "gif": encoded(noise(), "GIF", save_all=True, append_images=[noise(seed=1)]),
    "bmp": encoded(noise(), "BMP"),
    "ppm": encoded(noise(), "PPM"),
    "avif": encoded(noise(), "AVIF"),
    "jpeg 2000": encoded(noise(), "JPEG2000"),
    "heif": encoded(noise(), "HEIF"),
    "tiff": encoded(noise(), "TIFF"),
    "tiff, lzw": encoded(noise(), "TIFF", compression="tiff_lzw"),
    "tiff, 16 bits": tiff(_DEEP, photometric="rgb"),
    "tiff, float": tiff(_FLOAT, photometric="rgb", compression="lzw", tile=(16, 16)),
    "tiff, bands": tiff(
        np.moveaxis(_DEEP, -1, 0), photometric="minisblack", planarconfig="separate", compression="zstd"
    ),
    "tiff, big": tiff(_FLOAT, photometric="rgb", bigtiff=True, compression="deflate", predictor=True),
}
_TIMES = 150


def outcome(data: bytes) -> str:
    """ "pixels", or the reason."""
    try:
        image = decode(data, limit_pixels=10**6)
    except UnreadableImageError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 300
        return str(error)
    assert image.mode == "RGB" and image.width * image.height <= 10**6
    return "pixels"


def mutated(good: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed (mostly at the front, where the structure is), or a piece cut out, doubled or zeroed."""
    data = bytearray(good)
    first = int(rng.integers(0, len(data)))
    match int(rng.integers(0, 6)):
        case 0:
            del data[first : first + int(rng.integers(1, 40))]
        case 1:
            data[first:first] = data[first : first + int(rng.integers(1, 40))]
        case 2:
            data[first : first + 8] = bytes(8)
        case 3:
            data[first : first + 4] = struct.pack("<I", int(rng.integers(2**32)))
        case _:
            for place in rng.integers(0, min(len(data), 400), 4):
                data[place] = rng.integers(256)
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEEDS)
def test_mutated_files_end_in_pixels_or_a_reason(kind: str) -> None:
    assert outcome(SEEDS[kind]) == "pixels"
    rng = np.random.default_rng(len(kind))
    reasons = [outcome(mutated(SEEDS[kind], rng)) for _ in range(_TIMES)]
    assert any(reason != "pixels" for reason in reasons)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEEDS)
def test_truncated_files_have_a_reason(kind: str) -> None:
    """Down to nothing. Some formats tell all of the first frame before their end: at least a half is always too little."""
    data = SEEDS[kind]
    for part in range(0, len(data) // 2, max(1, len(data) // 40)):
        if kind not in ("gif",):
            assert outcome(data[:part]) != "pixels"
        outcome(data[part:])


@pytest.mark.filterwarnings("ignore")
def test_what_claims_to_be_huge_is_refused_before_memory_is_taken() -> None:
    assert "limit" in outcome(png_bomb())
    assert "limit" in outcome(b"P6 90000 90000 255\n")
    small = tiff(_FLOAT, photometric="rgb", compression="zstd")
    for tag in (256, 257):  # width, height
        at = (
            small.index(struct.pack("<HH", tag, 3))
            if struct.pack("<HH", tag, 3) in small
            else small.index(struct.pack("<HH", tag, 4))
        )
        huge = bytearray(small)
        huge[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 4_000_000)
        assert "limit" in outcome(bytes(huge))
