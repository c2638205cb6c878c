"""Images to squares as an encoder says, and encoders of the hub where their package is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from protos.errors import ConflictError, InvalidInputError
from services.common.encoders import geometry
from services.common.encoders.geometry import read_pixels, to_pixels
from services.common.encoders.networks import build_encoder
from services.common.encoders.spec import EncoderSpec, HubSpec, Preprocessing, TextInput, fields_of, resized, spec_of
from services.common.images import to_square

PREPROCESSING = Preprocessing(40, 3, 1 / 255, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
SPEC = HubSpec("vit", 8, 32, '{"model_type": "vit"}', PREPROCESSING, TextInput(9, 12, 1, True, False))


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_an_encoder_that_says_nothing_gets_the_whole_image(tmp_path: Path) -> None:
    image = noise(50, 30)
    image.save(tmp_path / "a.png")
    for pixels in (
        to_pixels(image, EncoderSpec("hog", 384, 16)),
        read_pixels(tmp_path / "a.png", EncoderSpec("hog", 384, 16)),
    ):
        assert np.array_equal(pixels, to_square(image, 16))


@pytest.mark.parametrize(
    ("size", "box"), [((40, 80), (4, 24)), ((80, 40), (24, 4)), ((40, 40), (4, 4)), ((41, 40), (4, 4))]
)
def test_the_middle_is_cut_out(size: tuple[int, int], box: tuple[int, int]) -> None:
    image = noise(*size)
    left, top = box
    assert np.array_equal(to_pixels(image, SPEC), np.asarray(image)[top : top + 32, left : left + 32])


@pytest.mark.parametrize("size", [(700, 90), (90, 700), (33, 500)])
def test_a_strip_is_cut_before_it_is_resized(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "_STRIP", 1000)
    whole = to_pixels(noise(*size), SPEC).astype(int)
    monkeypatch.setattr(geometry, "_STRIP", 1)
    assert np.abs(to_pixels(noise(*size), SPEC) - whole).mean() < 0.5  # grey levels, of noise


def test_an_endless_strip_takes_little_memory() -> None:
    assert to_pixels(Image.new("RGB", (1_000_000, 1), (9, 8, 7)), SPEC).reshape(-1, 3).tolist() == [[9, 8, 7]] * 1024


def test_a_spec_comes_back_from_its_fields() -> None:
    read = replace(SPEC, decode="scaled", upright=True)
    for spec in (SPEC, replace(SPEC, text=None), EncoderSpec("minicnn", 8, 40), read):
        assert spec_of(json.loads(json.dumps(fields_of(spec)))) == spec
    assert set(fields_of(EncoderSpec("hog", 384, 64))) == {
        "architecture",
        "dim",
        "image_size",
    }  # earlier files stay as they are


def test_another_size_cuts_off_the_same_share() -> None:
    larger = resized(SPEC, 64)
    assert isinstance(larger, HubSpec) and (larger.image_size, larger.preprocessing.resize) == (64, 80)
    assert resized(SPEC, 0) is SPEC and resized(EncoderSpec("hog", 384, 64), 32) == EncoderSpec("hog", 384, 32)


def test_sizes_that_are_not_possible() -> None:
    with pytest.raises(InvalidInputError, match="a tokenizer of 0 bytes"):
        TextInput(0, 12)
    with pytest.raises(InvalidInputError, match="images of 40 pixels hold no square of 41"):
        replace(SPEC, image_size=41)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConflictError, match=r"need the package transformers .*install active-labeler\[hub\]"):
        build_encoder(SPEC)
