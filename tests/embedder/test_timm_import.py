"""Models of timm, through the server: they see images as timm itself does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common.encoders.files import load_encoder
from services.common.encoders.spec import TimmSpec
from tests.support import timm_models as small
from tests.support.embedder_place import Place
from tests.support.timm_models import import_model


def photographs(folder: Path, count: int, size: tuple[int, int] = (120, 90)) -> Path:
    """Smooth images, so that the rounding of a place by half a pixel is no other image."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    for number in range(count):
        rough = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        rough.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def embedded(place: Place, encoder: Encoder, images: Path) -> np.ndarray:
    return place.content(place.embed(encoder, place.catalog(images)).blocks[0]).vectors


@pytest.mark.parametrize("architecture", small.ARCHITECTURES)
def test_embeddings_equal_timms(place: Place, tmp_path: Path, architecture: str) -> None:
    small.save_model(tmp_path / "model", architecture)
    images = photographs(tmp_path / "images", 6)
    theirs = small.embed_images(tmp_path / "model", sorted(images.iterdir()))
    found = import_model(place, tmp_path / "model")
    dim = theirs.shape[1]
    assert found.found == f"Model of timm: {architecture}: {dim} numbers for an image of 64 x 64 pixels."
    assert (found.encoder.architecture, found.encoder.dim) == (f"timm/{architecture}", dim)
    assert found.details.left_aside == 2  # weight and bias of the classifier
    said = found.details.preprocessing
    filter_ = "bilinear" if architecture == "test_resnet" else "bicubic"
    assert (said.resize, said.filter, list(said.mean)) == (80, filter_, [0.4, 0.5, 0.6])
    shutil.rmtree(tmp_path / "model")  # the artifact is all that a worker needs
    ours = embedded(place, found.encoder, images)
    assert np.linalg.norm(theirs[1:] - theirs[:-1], axis=1).min() > 0.01 * np.linalg.norm(theirs, axis=1).max()
    assert (np.linalg.norm(ours - theirs, axis=1) < 1e-3 * np.linalg.norm(theirs, axis=1)).all()


@pytest.mark.parametrize("architecture", small.ARCHITECTURES)
def test_openvino_gives_the_same_embeddings(place: Place, tmp_path: Path, architecture: str) -> None:
    pytest.importorskip("openvino")
    small.save_model(tmp_path / "model", architecture)
    images = photographs(tmp_path / "images", 6)
    catalog, encoder = place.catalog(images), import_model(place, tmp_path / "model").encoder
    blocks = [place.embed(encoder, catalog, backend=each).blocks[0] for each in ("torch", "openvino")]
    assert len({block.artifact.path for block in blocks}) == 2
    torch_, openvino = (place.content(block).vectors for block in blocks)
    lengths = np.linalg.norm(torch_, axis=1) * np.linalg.norm(openvino, axis=1)
    assert ((torch_ * openvino).sum(axis=1) / lengths).min() >= 0.9999


@pytest.mark.parametrize("architecture", small.ARCHITECTURES)
def test_another_image_size_is_taken_as_timm_takes_it(place: Place, tmp_path: Path, architecture: str) -> None:
    model = small.save_model(tmp_path / "model", architecture)
    encoder = import_model(place, tmp_path / "model", image_size=96).encoder
    spec, network = load_encoder(place.store.open(encoder.artifact))
    assert isinstance(spec, TimmSpec) and (spec.image_size, spec.preprocessing.resize) == (96, 120)
    images = photographs(tmp_path / "images", 3)
    assert embedded(place, encoder, images).any(axis=1).all()
    if architecture == "test_vit":  # places that were learned for 4 x 4 patches
        assert network.get_parameter("model.pos_embed").shape[1] - model.pos_embed.shape[1] == 36 - 16
    own = import_model(place, tmp_path / "model").encoder
    again = place.import_file(place.store.open(own.artifact))
    assert again.encoder.artifact.sha256 == own.artifact.sha256
    larger = place.import_file(place.store.open(own.artifact), image_size=96).encoder
    assert larger.artifact.sha256 == encoder.artifact.sha256


def test_an_image_is_seen_whole_where_it_is_squashed(place: Place, tmp_path: Path) -> None:
    small.save_model(tmp_path / "model", "test_resnet")
    small.change(tmp_path / "model" / "config.json", crop_mode="squash", crop_pct=1.0)
    images = photographs(tmp_path / "images", 3)
    theirs = small.embed_images(tmp_path / "model", sorted(images.iterdir()))
    found = import_model(place, tmp_path / "model")
    assert found.details.preprocessing.resize == 0
    np.testing.assert_allclose(
        embedded(place, found.encoder, images), theirs, rtol=1e-2, atol=1e-3 * np.abs(theirs).max()
    )


def test_half_a_number_a_weight_and_early_configurations_are_read(place: Place, tmp_path: Path) -> None:
    small.save_model(tmp_path / "model", "test_resnet")
    whole = import_model(place, tmp_path / "model").encoder
    small.flatten(tmp_path / "model" / "config.json")
    assert import_model(place, tmp_path / "model").encoder.artifact.sha256 == whole.artifact.sha256
    small.halve(tmp_path / "model" / "model.safetensors")
    halved = import_model(place, tmp_path / "model").encoder
    images = photographs(tmp_path / "images", 2)
    ours, theirs = embedded(place, halved, images), embedded(place, whole, images)
    assert (np.linalg.norm(ours - theirs, axis=1) < 0.05 * np.linalg.norm(theirs, axis=1)).all()


def test_an_image_size_or_embedding_size_that_is_not_to_be_had_is_refused(place: Place, tmp_path: Path) -> None:
    small.save_model(tmp_path / "model", "test_vit")
    with pytest.raises(InvalidInputError, match=r"image_size 5000 is not between"):
        import_model(place, tmp_path / "model", image_size=5000)
    with pytest.raises(InvalidInputError, match=r"images of 7 x 7 pixels|timm makes no test_vit of it"):
        import_model(place, tmp_path / "model", image_size=7)
    with pytest.raises(InvalidInputError, match=r"model \(timm/test_vit\) gives 64 numbers .* is 512; set it to 64"):
        import_model(place, tmp_path / "model", expected_dim=512)


def test_a_vector_depends_on_its_own_image_only(place: Place, tmp_path: Path) -> None:
    small.save_model(tmp_path / "model", "test_convnext")
    encoder = import_model(place, tmp_path / "model").encoder
    images = photographs(tmp_path / "images", 40)
    whole = embedded(place, encoder, images)
    names = sorted(images.iterdir())
    names[0].write_bytes(b"nothing")
    for path in names[35:]:
        path.unlink()
    assert np.array_equal(embedded(place, encoder, images)[1:], whole[1:35])
