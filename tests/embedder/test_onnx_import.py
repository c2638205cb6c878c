"""ONNX files as encoders, through the server: they see images as they were told to, the same bits in every batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protos import embedder_pb2 as messages
from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common.encoders.files import load_encoder
from services.common.encoders.spec import EncoderSpec, HubSpec, OnnxSpec, Preprocessing
from tests.support.embedder_place import Place, write_images

pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from onnx import helper

from tests.support import onnx_models as small

SAID: dict[str, Any] = {"mean": list(small.MEAN), "std": list(small.STD), "filter": "bicubic"}


def import_onnx(place: Place, path: Path, said: object = SAID, **more: object) -> messages.ImportEncoderResponse:
    if said is not None:
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        more["preparation"] = place.store.put(f"uploads/{hash(data) & 0xFFFFFFFFFFFF:x}", data)
    return place.import_file(path, **more)


def vectors(place: Place, encoder: Encoder, images: Path) -> np.ndarray:
    return place.content(place.embed(encoder, place.catalog(images)).blocks[0]).vectors


def test_embeddings_equal_those_of_pytorch(place: Place, tmp_path: Path) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder())
    found = import_onnx(place, path)
    assert (found.encoder.architecture, found.encoder.dim, found.encoder.image_size) == ("onnx", small.DIM, small.SIDE)
    assert found.found == "ONNX file of 7 operators: 12 numbers for an image of 32 x 32 pixels."
    assert found.details.layout == "ONNX file"
    assert found.details.parameters == sum(array.size for array in small.weights().values())
    assert (found.details.preprocessing.filter, found.details.preprocessing.scale) == ("bicubic", 1 / 255)
    path.unlink()  # the artifact is all that a worker needs
    images = write_images(tmp_path / "images", 40)
    theirs = small.by_torch(sorted(images.iterdir()))
    ours = vectors(place, found.encoder, images)
    assert np.linalg.norm(theirs[1:] - theirs[:-1], axis=1).min() > 0.01  # or equality would say nothing
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch", ["n", 1, 5])
def test_a_vector_depends_on_its_own_image_only(place: Place, tmp_path: Path, batch: int | str) -> None:
    """Bit-equal: in a full block, at another place in its batch, in short ones, and beside unreadable files."""
    shapes: tuple[small.Shape, small.Shape] = ((batch, 3, small.SIDE, small.SIDE), (batch, small.DIM))
    encoder = import_onnx(place, small.save(tmp_path / "model.onnx", small.encoder(*shapes))).encoder
    images = write_images(tmp_path / "images", 70)
    whole = vectors(place, encoder, images)
    names = sorted(images.iterdir())
    for path in names[50:]:
        path.unlink()
    names[3].write_bytes(b"nothing")
    assert np.array_equal(np.delete(vectors(place, encoder, images), 3, 0), np.delete(whole[:50], 3, 0))
    for path in names[:7]:
        path.unlink()
    assert np.array_equal(vectors(place, encoder, images), whole[7:50])


def test_the_reference_image_is_seen_as_the_data_are(place: Place, tmp_path: Path) -> None:
    encoder = import_onnx(place, small.save(tmp_path / "model.onnx", small.encoder())).encoder
    images = write_images(tmp_path / "images", 3)
    artifacts = [place.publish(path) for path in sorted(images.iterdir())]
    answer = place.stub.EmbedImages(messages.EmbedImagesRequest(encoder=encoder, images=artifacts))
    np.testing.assert_allclose(
        np.frombuffer(answer.vectors.data, "<f4").reshape(3, small.DIM),
        vectors(place, encoder, images),
        rtol=1e-4,
        atol=1e-5,
    )


def test_an_output_of_maps_and_one_among_others_are_taken(place: Place, tmp_path: Path) -> None:
    maps = [helper.make_node("Unsqueeze", ["vector", "axes"], ["embedding"])]
    made = small.encoder(output=("n", small.DIM, 1, 1), more=maps)
    made.graph.initializer.append(small.numpy_helper.from_array(np.array([2, 3]), "axes"))
    plain = small.encoder()
    plain.graph.output.append(helper.make_tensor_value_info("r2", 1, ["n", 16, 8, 8]))
    images = write_images(tmp_path / "images", 4)
    theirs = small.by_torch(sorted(images.iterdir()))
    for number, model in enumerate((made, plain)):
        encoder = import_onnx(place, small.save(tmp_path / f"{number}.onnx", model)).encoder
        np.testing.assert_allclose(vectors(place, encoder, images), theirs, rtol=1e-3, atol=1e-4)


def test_an_import_is_named_by_the_file_and_by_what_is_said_of_it(place: Place, tmp_path: Path) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder())
    first = import_onnx(place, path)
    assert import_onnx(place, path) == first
    other = import_onnx(place, path, {**SAID, "bgr": True})
    assert other.encoder.artifact.path != first.encoder.artifact.path and other.details.preprocessing.bgr
    images = write_images(tmp_path / "images", 3)
    assert not np.allclose(vectors(place, first.encoder, images), vectors(place, other.encoder, images))


SIZES: list[tuple[int | str, object, int, int]] = [
    (32, SAID, 0, 32),
    ("h", SAID, 0, 224),
    ("h", {**SAID, "image_size": 48}, 0, 48),
    ("h", {**SAID, "image_size": 48, "resize": 60}, 96, 96),
]


@pytest.mark.parametrize(("side", "said", "wanted", "taken"), SIZES)
def test_sizes(place: Place, tmp_path: Path, side: int | str, said: object, wanted: int, taken: int) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder(("n", 3, side, side)))
    encoder = import_onnx(place, path, said, image_size=wanted).encoder
    assert encoder.image_size == taken
    spec, _ = load_encoder(place.store.open(encoder.artifact))
    assert isinstance(spec, OnnxSpec)
    assert spec.preprocessing.resize == (120 if wanted else 0)  # what is cut off stays the same share


SAYINGS: dict[str, tuple[object, dict[str, str]]] = {
    "as in encoder.json": ({"sha256": "x", "image_size": 32, "preprocessing": SAID}, {}),
    "as the hub says it": (
        {
            "image_processor_type": "ViTImageProcessor",
            "size": {"height": 32, "width": 32},
            "image_mean": small.MEAN,
            "image_std": small.STD,
            "resample": 3,
        },
        {},
    ),
    "within the file": (None, {"active_labeler_encoder": json.dumps(SAID)}),
    "beside the file before within": (SAID, {"active_labeler_encoder": "[]"}),
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_how_images_are_prepared_is_said_in_several_ways(place: Place, tmp_path: Path, saying: str) -> None:
    said, metadata = SAYINGS[saying]
    path = small.save(tmp_path / "model.onnx", small.encoder(metadata=metadata))
    images = write_images(tmp_path / "images", 3)
    ours = vectors(place, import_onnx(place, path, said).encoder, images)
    np.testing.assert_allclose(ours, small.by_torch(sorted(images.iterdir())), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("own", [EncoderSpec("minicnn8", 8, 32), None])
def test_what_is_cut_out_of_a_final_model_keeps_its_preprocessing(
    place: Place, tmp_path: Path, own: EncoderSpec | None
) -> None:
    from services.trainer.about_model import KEY, AboutModel

    images = Preprocessing(40, 3, 1 / 255, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    spec = own or HubSpec("vit", 8, 32, "{}", images)
    about = AboutModel(spec, {"kind": "x"}, "red", 0.5).to_json()
    path = small.save(tmp_path / "cut.onnx", small.encoder(metadata={KEY: about}))
    found = import_onnx(place, path, None).details.preprocessing
    assert (found.resize, found.filter) == ((0, "bilinear") if own else (40, "bicubic"))
    assert (found.scale, list(found.mean), list(found.std)) == (1, [0, 0, 0], [1, 1, 1])  # the graph does that itself


def test_an_encoder_file_is_taken_again_and_tried_again(place: Place, tmp_path: Path) -> None:
    fixed = import_onnx(place, small.save(tmp_path / "a.onnx", small.encoder())).encoder
    again = place.import_file(place.store.open(fixed.artifact))
    assert again.encoder.artifact.sha256 == fixed.artifact.sha256 and again.encoder.architecture == "onnx"
    with pytest.raises(InvalidInputError, match="takes images of 32 x 32 pixels, and image_size is 48"):
        place.import_file(place.store.open(fixed.artifact), image_size=48)
    path = small.save(tmp_path / "b.onnx", small.encoder(("n", 3, "h", "w")))
    free = import_onnx(place, path, {**SAID, "image_size": 32}).encoder
    larger = place.import_file(place.store.open(free.artifact), image_size=48).encoder
    straight = import_onnx(place, path, {**SAID, "image_size": 32}, image_size=48).encoder
    assert larger.artifact.sha256 == straight.artifact.sha256


def test_a_file_is_told_by_its_content(place: Place, tmp_path: Path) -> None:
    path = small.save(tmp_path / "model.bin", small.encoder())
    assert import_onnx(place, path).encoder.architecture == "onnx"
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InvalidInputError, match=r"the ONNX file text\.onnx cannot be used: it is no ONNX file"):
        import_onnx(place, tmp_path / "text.onnx")


def test_another_number_format_is_refused(place: Place, tmp_path: Path) -> None:
    encoder = import_onnx(place, small.save(tmp_path / "model.onnx", small.encoder())).encoder
    catalog = place.catalog(write_images(tmp_path / "images", 2))
    with pytest.raises(InvalidInputError, match=r"encoder\.precision is bf16, but an ONNX file .*set it to fp32"):
        place.embed(encoder, catalog, precision="bf16")


def test_phrases_and_another_embedding_size_are_refused(place: Place, tmp_path: Path) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder())
    with pytest.raises(InvalidInputError, match="gives 12 numbers for an image, but embedding_size is 512"):
        import_onnx(place, path, expected_dim=512)
    with pytest.raises(InvalidInputError, match="the encoder onnx does not understand phrases"):
        place.stub.EmbedText(messages.EmbedTextRequest(encoder=import_onnx(place, path).encoder, phrases=["a fox"]))
