"""Scaled decoding: nearly the same vectors, names of its own, and the exact way for whatever is no flawless plain JPEG."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from protos import embedder_pb2 as messages
from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common import scaled
from services.common.encoders.files import save_encoder
from services.common.encoders.geometry import pixels_of
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError
from services.common.scaled import scaled_jpeg
from services.embedder.decoding_options import check_decode
from tests.support.embedder_place import Place

SPEC = EncoderSpec("minicnn8", 8, 64)
FAST = replace(SPEC, decode="scaled")


def _drawn(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def _saved(image: Image.Image, kind: str = "JPEG", **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def _encoder(place: Place) -> Encoder:
    torch.manual_seed(1)
    with place.store.writing("encoders/a.safetensors") as writing:
        save_encoder(writing.path, build_network("minicnn8", 8), SPEC)
    return Encoder(artifact=writing.artifact, architecture="minicnn8", dim=8, image_size=64)


@pytest.mark.parametrize("turbo", [True, False])
@pytest.mark.parametrize(
    ("size", "decoded"),
    [((1024, 768), (128, 96)), ((320, 240), (160, 120)), ((90, 70), (90, 70)), ((801, 603), (201, 151))],
)
def test_a_large_jpeg_is_decoded_at_a_part_of_its_size(
    turbo: bool, size: tuple[int, int], decoded: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaled, "TURBO", turbo)
    image = scaled_jpeg(_saved(_drawn(*size)), 64)
    assert image is not None and (image.size, image.mode) == (decoded, "RGB")


@pytest.mark.parametrize("turbo", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_pixels_are_nearly_the_exact_ones(turbo: bool, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaled, "TURBO", turbo)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned for people: both ways must do the same about it
    data = _saved(_drawn(800, 600, mode), quality=95, exif=exif)
    exact, fast = (pixels_of(data, spec).astype(float) for spec in (SPEC, FAST))
    assert 0 < np.abs(exact - fast).mean() < 3


@pytest.mark.parametrize("turbo", [True, False])
def test_whatever_is_no_plain_jpeg_goes_the_exact_way(turbo: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaled, "TURBO", turbo)
    picture = _drawn(400, 300)
    for data in (
        _saved(picture, "PNG"),
        _saved(picture, "WEBP"),
        _saved(_drawn(400, 300, "CMYK")),
        _saved(picture, "GIF"),
    ):
        assert np.array_equal(pixels_of(data, FAST), pixels_of(data, SPEC))


def test_a_damaged_jpeg_has_one_reason_however_it_is_decoded() -> None:
    whole = _saved(_drawn(640, 480))
    rng = np.random.default_rng(5)
    cut = [whole[: len(whole) * part // 8] for part in range(1, 8)]
    mutated = [bytearray(whole) for _ in range(60)]
    for data in mutated:
        for place in rng.integers(2, len(data), 8):
            data[place] = int(rng.integers(256))
    refused = 0
    for data in [b"\xff\xd8\xff", *cut, *map(bytes, mutated)]:
        try:
            pixels_of(data, SPEC)
        except UnreadableImageError as error:
            with pytest.raises(UnreadableImageError) as found:
                pixels_of(data, FAST)
            assert str(found.value) == str(error)
            refused += 1
        else:
            assert pixels_of(data, FAST).shape == (64, 64, 3)
    assert refused > 7


def test_blocks_of_both_ways_have_different_names_and_nearly_equal_vectors(place: Place, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(5):
        _drawn(600 + number, 400).save(images / f"{number}.jpg", quality=95)
    encoder, catalog = _encoder(place), place.catalog(images)
    plain, exact = place.embed(encoder, catalog), place.embed(encoder, catalog, decode=" Exact ")
    fast = place.embed(encoder, catalog, decode="scaled")
    assert plain.blocks[0] == exact.blocks[0] and exact.computed == 0
    assert fast.computed == 1 and fast.blocks[0].artifact.path != plain.blocks[0].artifact.path
    a, b = place.content(plain.blocks[0]).vectors, place.content(fast.blocks[0]).vectors
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert not np.array_equal(a, b) and cosine.min() > 0.999


def test_a_reference_image_is_decoded_like_the_data(place: Place, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    _drawn(600, 400).save(images / "a.jpg")
    encoder, catalog = _encoder(place), place.catalog(images)
    for how in ("exact", "scaled"):
        request = messages.EmbedImagesRequest(
            run="r",
            encoder=encoder,
            images=[place.publish(images / "a.jpg")],
            options=messages.EmbedOptions(decode=how),
        )
        alone = np.frombuffer(place.stub.EmbedImages(request).vectors.data, dtype="<f4")
        block = place.content(place.embed(encoder, catalog, decode=how).blocks[0]).vectors[0]
        np.testing.assert_allclose(alone, block, rtol=1e-4, atol=1e-4)


def test_another_way_of_decoding_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="decode 'fast' is not known; it takes exact or scaled"):
        check_decode("fast")
    _drawn(60, 40).save(tmp_path / "a.jpg")
    with pytest.raises(InvalidInputError, match="decode 'quick'"):
        place.embed(_encoder(place), place.catalog(tmp_path), decode="quick")
