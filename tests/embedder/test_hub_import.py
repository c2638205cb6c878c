"""Models in the hub's format, through the server: they see images as the library itself does, without it being told of any."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from protos import embedder_pb2 as messages
from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common.encoders.files import load_encoder
from services.common.encoders.spec import HubSpec
from tests.support.embedder_place import Place, write_images

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub


def import_model(place: Place, folder: Path | str, **more: object) -> messages.ImportEncoderResponse:
    return place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", model=str(folder), **more))


def embedded(place: Place, encoder: Encoder, images: Path) -> np.ndarray:
    return place.content(place.embed(encoder, place.catalog(images)).blocks[0]).vectors


@pytest.mark.parametrize("family", hub.FAMILIES)
def test_embeddings_equal_the_librarys(place: Place, tmp_path: Path, family: str) -> None:
    model = hub.save_model(tmp_path / "model", family)
    found = import_model(place, tmp_path / "model")
    images = write_images(tmp_path / "images", 9)
    theirs = hub.embed_images(family, model, sorted(images.iterdir()))
    assert (found.run, found.encoder.architecture, found.encoder.dim) == ("r", family, theirs.shape[1])
    assert found.encoder.image_size == (64 if family in ("resnet", "convnext") else 32)
    shutil.rmtree(tmp_path / "model")  # the artifact is all that a worker needs
    ours = embedded(place, found.encoder, images)
    assert hub.cosines(theirs[:-1], theirs[1:]).min() < 0.995  # or equality would say nothing
    assert hub.cosines(ours, theirs).min() >= 0.9999
    scale = np.linalg.norm(theirs, axis=1, keepdims=True)
    wanted = theirs / scale if family in ("clip", "siglip") else theirs  # of unit length, as their likeness is a cosine
    assert (np.linalg.norm(ours - wanted, axis=1) < 1e-3 * np.linalg.norm(wanted, axis=1)).all()


def test_embeddings_of_clip_have_unit_length(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "clip")
    ours = embedded(place, import_model(place, tmp_path / "model").encoder, write_images(tmp_path / "images", 3))
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, rtol=1e-5)


def test_the_reference_image_is_seen_as_the_data_are(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "dinov2")
    encoder = import_model(place, tmp_path / "model").encoder
    images = write_images(tmp_path / "images", 3)
    artifacts = [place.publish(path) for path in sorted(images.iterdir())]
    answer = place.stub.EmbedImages(messages.EmbedImagesRequest(encoder=encoder, images=artifacts))
    vectors = np.frombuffer(answer.vectors.data, "<f4").reshape(3, 32)
    np.testing.assert_allclose(vectors, embedded(place, encoder, images), rtol=1e-3, atol=1e-4)


def test_an_import_is_named_by_the_content(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "a", "clip")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first = import_model(place, tmp_path / "a")
    assert import_model(place, tmp_path / "b") == first == import_model(place, tmp_path / "a")
    assert import_model(place, tmp_path / "a", image_size=40).encoder != first.encoder
    about = json.loads((tmp_path / "b" / "preprocessor_config.json").read_text())
    (tmp_path / "b" / "preprocessor_config.json").write_text(json.dumps({**about, "image_std": [1.0, 1.0, 1.0]}))
    images = place.catalog(write_images(tmp_path / "images", 3))
    other = import_model(place, tmp_path / "b")
    blocks = [place.embed(answer.encoder, images).blocks[0].artifact.path for answer in (first, other)]
    assert blocks[0] != blocks[1]
    hub.save_model(tmp_path / "a", "clip", seed=1)
    assert import_model(place, tmp_path / "a").encoder.artifact.path != first.encoder.artifact.path


def test_images_are_seen_upright_in_whatever_way_they_are_stored(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "dinov2")
    encoder = import_model(place, tmp_path / "model").encoder
    assert encoder.upright
    upright, stored = tmp_path / "upright", tmp_path / "stored"
    exif = Image.Exif()
    exif[0x0112] = 6
    for folder in (upright, stored):
        folder.mkdir()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    picture.save(stored / "a.png", exif=exif)
    picture.transpose(Image.Transpose.ROTATE_270).save(upright / "a.png")
    np.testing.assert_array_equal(embedded(place, encoder, stored), embedded(place, encoder, upright))


def test_what_was_found_is_said(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "clip")
    assert import_model(place, tmp_path / "model").found == (
        "Hub model of type clip, which understands phrases: 24 numbers for an image of 32 x 32 pixels."
    )
    (tmp_path / "model" / "tokenizer.json").unlink()
    assert import_model(place, tmp_path / "model").found == (
        "Hub model of type clip: 24 numbers for an image of 32 x 32 pixels."
    )


@pytest.mark.parametrize("family", hub.FAMILIES)
def test_another_image_size_is_taken(place: Place, tmp_path: Path, family: str) -> None:
    hub.save_model(tmp_path / "model", family)
    encoder = import_model(place, tmp_path / "model", image_size=96).encoder
    assert encoder.image_size == 96
    vectors = embedded(place, encoder, write_images(tmp_path / "images", 3))
    assert vectors.shape == (3, encoder.dim) and np.isfinite(vectors).all() and vectors.any(axis=1).all()


def test_what_is_cut_off_grows_with_the_image_size(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "dinov2")
    spec, _ = load_encoder(place.store.open(import_model(place, tmp_path / "model", image_size=64).encoder.artifact))
    assert isinstance(spec, HubSpec) and spec.preprocessing.resize == 80


def test_a_size_that_a_model_does_not_take_is_refused(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "vit")
    with pytest.raises(InvalidInputError, match=r"does not take images of 5 x 5 pixels .*set another image_size"):
        import_model(place, tmp_path / "model", image_size=5)
    with pytest.raises(InvalidInputError, match="image_size 5000 is not between"):
        import_model(place, tmp_path / "model", image_size=5000)


def test_another_embedding_size_is_refused(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "vit")
    with pytest.raises(InvalidInputError, match=r"model \(vit\) gives 32 numbers .* is 512; set it to 32"):
        import_model(place, tmp_path / "model", expected_dim=512)


def test_a_model_and_something_else_are_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="both the model a/b and hog are asked for; give only one"):
        import_model(place, "a/b", builtin="hog")


def test_an_encoder_file_of_a_model_is_taken_again(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "clip")
    first = import_model(place, tmp_path / "model").encoder
    again = place.import_file(place.store.open(first.artifact))
    assert again.encoder.architecture == "clip" and again.encoder.artifact.sha256 == first.artifact.sha256
    larger = place.import_file(place.store.open(first.artifact), image_size=64).encoder
    straight = import_model(place, tmp_path / "model", image_size=64).encoder
    assert larger.artifact.sha256 == straight.artifact.sha256
    embedded(place, larger, write_images(tmp_path / "images", 2))


def test_weights_in_parts_and_of_a_classifier_are_read(place: Place, tmp_path: Path) -> None:
    model = hub.save_model(tmp_path / "model", "vit")
    shutil.copytree(tmp_path / "model", tmp_path / "parts")
    (tmp_path / "parts" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "parts", max_shard_size="20KB")
    assert (tmp_path / "parts" / "model.safetensors.index.json").is_file()
    whole = import_model(place, tmp_path / "model").encoder
    assert import_model(place, tmp_path / "parts").encoder.artifact.sha256 == whole.artifact.sha256
    from transformers import ViTForImageClassification

    classifier = ViTForImageClassification(model.config)
    classifier.vit.load_state_dict(model.state_dict())
    classifier.save_pretrained(tmp_path / "model")
    assert import_model(place, tmp_path / "model").encoder.artifact.sha256 == whole.artifact.sha256
