"""The final model: one file, equal to the loop's own scores, and safe to open."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.geometry import read_pixels
from services.common.encoders.networks import build_network
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec
from services.common.images import decode, read_file, to_square
from services.trainer.export import export
from services.trainer.final_model import Classification, load
from services.trainer.heads import EVALUATOR, Head, HeadRecord, HeadShape, head_bytes, load_head
from services.trainer.scoring import probabilities


def parts(store: ArtifactStore, architecture: str, dim: int, head_dim: int | None = None) -> tuple[Artifact, Artifact]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build_network(architecture, dim)
        for module in network.modules():
            if isinstance(
                module, torch.nn.Conv2d
            ):  # as they come, what a deep network gives hardly depends on the image
                torch.nn.init.kaiming_normal_(module.weight)
        head = Head(HeadShape(EVALUATOR, head_dim or dim, 16, 0.5))
    spec = EncoderSpec(architecture, dim, 20)
    encoder, _ = store.once(f"encoders/{architecture}.safetensors", lambda path: save_encoder(path, network, spec))
    return encoder, store.put("heads/h.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))


@pytest.fixture
def model_file(store: ArtifactStore) -> Path:
    return store.open(export(store, *parts(store, "minicnn", 24), "red"))


@pytest.mark.parametrize(("architecture", "dim"), [("minicnn", 24), ("resnet18", 512), ("hog", 384)])
def test_it_gives_the_scores_of_the_loop(store: ArtifactStore, images: Any, architecture: str, dim: int) -> None:
    encoder, head = parts(store, architecture, dim)
    model = load(store.open(export(store, encoder, head, "red")))
    paths = sorted(images.folder.iterdir())
    _, network = load_encoder(store.open(encoder))
    with torch.no_grad():
        vectors = torch.cat(
            [network(to_batch(np.stack([to_square(decode(read_file(path)), 20)]))) for path in paths]
        ).numpy()
    expected = probabilities(load_head(store.open(head))[0], vectors, np.ones(len(paths), dtype=bool))
    found = model.probabilities(paths)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(expected) > 0


def test_it_reads_files_as_its_encoder_does(store: ArtifactStore, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(noise).resize((400, 300)).save(path, exif=exif)
    encoder, head = parts(store, "minicnn", 24)
    spec, network = load_encoder(store.open(encoder))
    ways = [
        replace(spec, decode=decode, upright=upright) for decode in ("exact", "scaled") for upright in (False, True)
    ]
    seen = []
    for number, way in enumerate(ways):
        with store.writing(f"encoders/{number}.safetensors") as writing:
            save_encoder(writing.path, network, way)
        model = load(store.open(export(store, writing.artifact, head, "red")))
        assert model.spec == way
        np.testing.assert_array_equal(model.prepare(path), read_pixels(path, way))
        seen.append(model.prepare(path).tobytes())
    assert len(set(seen)) == 4


def test_it_takes_a_path_a_picture_or_several(model_file: Path, images: Any) -> None:
    model = load(str(model_file))
    path = images.folder / "00.png"
    one = model.classify(path)
    assert one == model.classify(str(path)) == model.classify(Image.open(path))
    assert model.classify([path, images.folder / "01.png"])[0].label == one.label
    assert model.classify([]) == []
    assert one == Classification(("red" if one.positive else "not red"), one.probability >= 0.5, one.probability)


def test_a_picture_of_16_bits_is_not_clipped_to_white(model_file: Path, tmp_path: Path) -> None:
    model = load(model_file)
    path = tmp_path / "deep.png"
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 150).save(path)
    with Image.open(path) as picture:
        assert picture.mode.startswith("I")
        assert model.classify(picture) == model.classify(path)
    assert model.classify(path) != model.classify(Image.new("RGB", (20, 20), "white"))


def test_a_picture_that_is_not_whole_gets_one_sentence(model_file: Path, images: Any, tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    path.write_bytes((images.folder / "00.png").read_bytes()[:300])
    with Image.open(path) as picture, pytest.raises(InvalidInputError, match="cannot be classified"):
        load(model_file).classify(picture)


def test_the_threshold_decides(model_file: Path, images: Any) -> None:
    model = load(model_file)
    path = images.folder / "00.png"
    model.threshold = 0.0
    assert model.classify(path).label == "red"
    model.threshold = 1.1
    assert model.classify(path).label == "not red"


def test_the_file_keeps_the_threshold_it_was_exported_with(store: ArtifactStore, images: Any) -> None:
    encoder, head = parts(store, "minicnn", 24)
    path = images.folder / "00.png"
    probability = load(store.open(export(store, encoder, head, "red"))).classify(path).probability
    assert 0.01 < probability < 0.99
    low, high = (load(store.open(export(store, encoder, head, "red", probability + by))) for by in (-0.01, 0.01))
    assert (low.classify(path).positive, high.classify(path).positive) == (True, False)
    assert low.threshold == probability - 0.01


def test_a_probability_of_just_the_threshold_is_positive_as_in_the_data_set(model_file: Path, images: Any) -> None:
    model = load(model_file)
    written = {path: float(str(model.probabilities([path])[0])) for path in images.folder.iterdir()}
    assert any(model.classify(path).probability < decimal for path, decimal in written.items()), "as 0.7 in float32"
    for path, model.threshold in written.items():
        assert model.classify(path).positive


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, float("nan")])
def test_a_threshold_is_a_probability(store: ArtifactStore, threshold: float) -> None:
    with pytest.raises(InvalidInputError, match=r"a threshold of .* is not between 0 and 1"):
        export(store, *parts(store, "minicnn", 24), "red", threshold)


def test_equal_models_have_equal_bytes_and_nothing_but_plain_values(
    tmp_path: Path, store: ArtifactStore, model_file: Path
) -> None:
    content = torch.load(model_file, weights_only=True)
    assert content["positive_name"] == "red"
    assert content["threshold"] == 0.5
    assert EncoderSpec(**content["encoder"]) == EncoderSpec("minicnn", 24, 20)
    assert content["head"] == {"kind": EVALUATOR, "dim": 24, "hidden_dim": 16, "dropout": 0.5}
    other = ArtifactStore(tmp_path / "other")
    assert (
        export(other, *parts(other, "minicnn", 24), "red").sha256
        == export(store, *parts(store, "minicnn", 24), "red").sha256
    )


def test_without_a_name_the_class_is_called_positive(store: ArtifactStore) -> None:
    assert load(store.open(export(store, *parts(store, "minicnn", 24), ""))).positive_name == "positive"


def test_encoder_and_head_must_go_together(store: ArtifactStore) -> None:
    encoder, head = parts(store, "minicnn", 24, head_dim=25)
    with pytest.raises(InvalidInputError, match="the encoder gives 24 numbers, the head takes 25"):
        export(store, encoder, head, "red")


class Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("bomb-went-off"),)


def test_files_that_are_no_final_model_get_one_sentence(
    tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="there is no file"):
        load(tmp_path / "absent.ckpt")
    with pytest.raises(NotFoundError):
        load(tmp_path)
    data = model_file.read_bytes()
    path = tmp_path / "final_model.ckpt"
    for wrong in (b"", b"text", data[: len(data) // 2], pickle.dumps(Bomb()), pickle.dumps([1])):
        path.write_bytes(wrong)
        with pytest.raises(InvalidInputError, match=r"final_model.ckpt is "):
            load(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(InvalidInputError, match="no final model of this program"):
        load(path)
    torch.save({"bomb": Bomb()}, path)
    with pytest.raises(InvalidInputError):
        load(path)
    assert not (tmp_path / "bomb-went-off").exists()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"version": 99}, InvalidInputError),
        ({"encoder": {"architecture": "vit", "dim": 24, "image_size": 20}}, DamagedError),
        ({"encoder": {"dim": 24}}, DamagedError),
        ({"encoder_weights": {}}, DamagedError),
        ({"head_weights": None}, DamagedError),
        ({"threshold": "high"}, DamagedError),
    ],
)
def test_models_that_are_not_whole_get_one_sentence(
    tmp_path: Path, model_file: Path, change: dict[str, Any], kind: type[Exception]
) -> None:
    torch.save({**torch.load(model_file, weights_only=True), **change}, tmp_path / "changed.ckpt")
    with pytest.raises(kind, match=r"changed\.ckpt is a") as caught:
        load(tmp_path / "changed.ckpt")
    assert "\n" not in str(caught.value)


def test_images_that_are_none_are_named(tmp_path: Path, model_file: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    model = load(model_file)
    for name in ("bad.png", "absent.png"):
        with pytest.raises(InvalidInputError, match=f"{name} cannot be classified: "):
            model.classify(tmp_path / name)
