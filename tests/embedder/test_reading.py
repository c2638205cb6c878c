"""How files become pixels: chosen by the vectors of images, once, and said by the encoder itself."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from protos import embedder_pb2 as messages
from protos.common_pb2 import Artifact, Encoder
from protos.errors import InvalidInputError
from services.common import scaled
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.geometry import pixels_of, read_pixels
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.embedder import reading
from tests.embedder.test_choosing import ill_conditioned
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place


@pytest.fixture(autouse=True)
def a_few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WORTH_IT", 4)


def photographs(folder: Path, count: int = 6, size: tuple[int, int] = (640, 480), **more: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=95, **more)
    return folder


def ask(
    place: Place, encoder: Encoder, catalog: Artifact, items: Sequence[int] = range(6), **wish: str
) -> messages.ChooseReadingResponse:
    return place.stub.ChooseReading(
        messages.ChooseReadingRequest(run="r", encoder=encoder, catalog=catalog, item=items, **wish)
    )


def vectors(place: Place, encoder: Encoder, catalog: Artifact, **options: str) -> np.ndarray:
    return place.content(place.embed(encoder, catalog, **options).blocks[0]).vectors


def test_scaled_decoding_is_chosen_where_vectors_stay_what_they_are(place: Place, tmp_path: Path) -> None:
    encoder, catalog = publish_encoder(place), place.catalog(photographs(tmp_path / "images"))
    chosen = ask(place, encoder, catalog, decode="auto")
    assert chosen.encoder.decode == "scaled" and 0.999 <= chosen.cosine < 1
    assert "at least 0." in chosen.why and "on 6 images" in chosen.why
    assert (chosen.encoder.dim, chosen.encoder.architecture) == (encoder.dim, encoder.architecture)
    exact, fast = vectors(place, encoder, catalog), vectors(place, chosen.encoder, catalog)
    assert not np.array_equal(exact, fast)
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(fast, axis=1)
    assert chosen.cosine == pytest.approx(float(((exact * fast).sum(1) / lengths).min()), abs=1e-6)
    np.testing.assert_array_equal(fast, vectors(place, encoder, catalog, decode="scaled"))
    np.testing.assert_array_equal(exact, vectors(place, chosen.encoder, catalog, decode="exact"))


def test_an_encoder_whose_vectors_would_change_decodes_exactly(place: Place, tmp_path: Path) -> None:
    images = photographs(tmp_path / "images")
    encoder = publish_encoder(place, ill_conditioned(images))
    chosen = ask(place, encoder, place.catalog(images), decode="auto")
    assert (chosen.encoder, chosen.cosine < 0.999) == (encoder, True)
    assert "down to" in chosen.why


def test_the_choice_is_kept_whatever_another_replica_would_measure(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, catalog = publish_encoder(place), place.catalog(photographs(tmp_path / "images"))
    first = ask(place, encoder, catalog, decode="auto")
    monkeypatch.setattr(reading, "FEWEST_COSINE", 2.0)
    assert ask(place, encoder, catalog, decode="auto") == first
    assert ask(place, encoder, catalog, items=range(5), decode="auto").encoder == encoder, "another question"


def test_the_two_libraries_give_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in ((640, 480), (1025, 767), (90, 300)):
        for path in photographs(tmp_path / f"{size}", 2, size).iterdir():
            for side in (32, 64, 100):
                found = []
                for turbo in (True, False):
                    monkeypatch.setattr(scaled, "TURBO", turbo)
                    found.append(np.asarray(scaled.scaled_jpeg(path.read_bytes(), side)))
                np.testing.assert_array_equal(*found)


def test_few_images_and_those_that_cannot_be_scaled_are_decoded_exactly(place: Place, tmp_path: Path) -> None:
    encoder = publish_encoder(place)
    few = ask(place, encoder, place.catalog(photographs(tmp_path / "few", 3)), items=range(3), decode="auto")
    assert (few.encoder, math.isnan(few.cosine)) == (encoder, True)
    assert few.why == "3 images are too few to gain anything"
    others = photographs(tmp_path / "others")
    for number, path in enumerate(sorted(others.iterdir())):
        if number < 3:
            Image.open(path).save(path.with_suffix(".png"))
            path.unlink()
        else:
            path.write_bytes((b"", b"\xff\xd8\xff", b"nothing")[number % 3])
    none = ask(place, encoder, place.catalog(others), decode="auto")
    assert none.encoder == encoder and "none of the images that were tried is a JPEG that can be scaled" in none.why


def test_what_is_asked_for_is_not_measured_and_can_be_taken_back(place: Place, tmp_path: Path) -> None:
    encoder, catalog = publish_encoder(place), place.catalog(photographs(tmp_path / "images", 2))
    fast = ask(place, encoder, catalog, items=[], decode=" Scaled ", rotation="EXIF")
    assert (fast.encoder.decode, fast.encoder.upright, math.isnan(fast.cosine)) == ("scaled", True, True)
    assert ask(place, encoder, catalog, items=[], decode="scaled", rotation="exif").encoder == fast.encoder
    assert ask(place, fast.encoder, catalog, items=[]).encoder == fast.encoder
    back = ask(place, fast.encoder, catalog, items=[], decode="exact", rotation="stored").encoder
    assert (back.decode, back.upright) == ("exact", False)
    np.testing.assert_array_equal(vectors(place, back, catalog), vectors(place, encoder, catalog))


def test_images_are_upright_in_both_ways_where_it_is_asked_for(place: Place, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    images = photographs(tmp_path / "images", exif=exif)
    turned = tmp_path / "turned"
    turned.mkdir()
    for path in images.iterdir():
        ImageOps.exif_transpose(Image.open(path)).save(turned / f"{path.stem}.png")
    encoder = publish_encoder(place)
    catalog, expected = place.catalog(images), vectors(place, encoder, place.catalog(turned))
    upright = ask(place, encoder, catalog, items=[], rotation="exif").encoder
    np.testing.assert_array_equal(vectors(place, upright, catalog), expected)
    fast = ask(place, encoder, catalog, decode="auto", rotation="exif")
    assert (fast.encoder.decode, fast.encoder.upright) == ("scaled", True)
    near = vectors(place, fast.encoder, catalog)
    cosine = (near * expected).sum(1) / np.linalg.norm(near, axis=1) / np.linalg.norm(expected, axis=1)
    assert (
        cosine.min() > 0.999 > (vectors(place, encoder, catalog) * expected).sum(1).min() / (expected**2).sum(1).max()
    )


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says what it thinks of such EXIF
@pytest.mark.parametrize("decode", ["exact", "scaled"])
def test_a_damaged_exif_costs_no_image(decode: str) -> None:
    spec = EncoderSpec("minicnn8", 8, 32, decode=decode, upright=True)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)).save(file, "JPEG", exif=exif)
    whole = bytearray(file.getvalue())
    start = whole.index(b"Exif\0\0") + 6
    rng = np.random.default_rng(1)
    for _ in range(200):
        mutated = bytearray(whole)
        for place in rng.integers(start, start + len(exif.tobytes()) - 6, 4):
            mutated[place] = int(rng.integers(256))
        assert pixels_of(bytes(mutated), spec).shape == (32, 32, 3)


def test_everything_that_has_the_encoder_reads_files_as_it_says(place: Place, tmp_path: Path) -> None:
    images = photographs(tmp_path / "images")
    encoder, catalog = publish_encoder(place), place.catalog(images)
    fast = ask(place, encoder, catalog, decode="auto", rotation="exif").encoder
    spec, _ = load_encoder(place.store.open(fast.artifact))
    assert (spec.decode, spec.upright) == ("scaled", True)
    path = images / "0.jpg"
    pixels = pixels_of(path.read_bytes(), spec)
    assert not np.array_equal(pixels, pixels_of(path.read_bytes(), EncoderSpec(spec.architecture, 8, spec.image_size)))
    np.testing.assert_array_equal(read_pixels(path, spec), pixels)  # fine-tuning, the final model
    request = messages.EmbedImagesRequest(run="r", encoder=fast, images=[place.publish(path)])  # the reference
    alone = np.frombuffer(place.stub.EmbedImages(request).vectors.data, dtype="<f4")
    np.testing.assert_allclose(alone, vectors(place, fast, catalog)[0], rtol=1e-4, atol=1e-4)
    again = place.import_file(place.store.open(fast.artifact))
    assert (again.encoder.decode, again.encoder.upright) == ("scaled", True)


def test_a_model_of_the_original_sees_images_as_they_are_stored(place: Place, tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_encoder(tmp_path / "e.safetensors", build_network("minicnn8", 8), EncoderSpec("minicnn8", 8, 32))
    found = place.import_file(tmp_path / "e.safetensors").encoder
    assert (found.decode, found.upright) == ("exact", False)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"decode": "fast"}, "decode 'fast' is not known; it takes auto, exact or scaled"),
        ({"rotation": "left"}, "rotation 'left' is not known; it takes stored or exif"),
        ({"decode": "auto", "items": [6]}, "cannot be compared; send up to 64"),
        ({"decode": "auto", "items": [2**63]}, "cannot be compared"),
        ({"decode": "auto", "items": [0] * 65}, "65 items of 6 images cannot be compared"),
    ],
)
def test_what_makes_no_sense_is_refused(place: Place, tmp_path: Path, wish: dict[str, object], words: str) -> None:
    encoder, catalog = publish_encoder(place), place.catalog(photographs(tmp_path / "images"))
    with pytest.raises(InvalidInputError, match=words):
        ask(place, encoder, catalog, **wish)  # type: ignore[arg-type]


def test_a_request_that_describes_another_encoder_is_refused(place: Place, tmp_path: Path) -> None:
    encoder, catalog = publish_encoder(place), place.catalog(photographs(tmp_path / "images"))
    encoder.decode = "scaled"
    with pytest.raises(InvalidInputError, match=r"the request says decode scaled, but encoder .* has exact"):
        place.embed(encoder, catalog)
    encoder.decode, encoder.upright = "exact", True
    with pytest.raises(InvalidInputError, match="the request says upright True"):
        place.embed(encoder, catalog)
