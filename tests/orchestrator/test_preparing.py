"""What is said of an ONNX file's images: by the settings, or by the JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.clients.refs import ArtifactRef, EncoderRef
from orchestrator.fixed_encoders import check_auto_choice, not_offered, refusal
from orchestrator.preparing import preparation_of
from orchestrator.questions import FINE_TUNE, TRAIN
from orchestrator.setting_errors import build
from orchestrator.settings import RunSettings
from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore

COLOURS = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def said(store: ArtifactStore, path: Path, **encoder: Any) -> Any:
    found = preparation_of(store, build({"data": "d", "encoder": {"path": path, **encoder}}).encoder)
    return found and json.loads(store.open(found.to(Artifact)).read_bytes())


def test_the_json_beside_is_taken_and_the_settings_win(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.touch()
    assert said(store, file) is None
    (tmp_path / "preprocessor_config.json").write_text('{"of": "the hub"}')
    assert said(store, file) == {"of": "the hub"} == said(store, tmp_path)  # a folder with such a file means it
    (tmp_path / "model.json").write_text('{"of": "its name"}')
    assert said(store, file) == {"of": "its name"}
    plain = {"resize": 0, "filter": "bilinear", "scale": 1 / 255, "bgr": False}
    assert said(store, file, **COLOURS) == {**COLOURS, **plain}
    assert said(store, file, mean="[.1, .2, .3]", std=" .4,.5,.6") == {**COLOURS, **plain}
    more = {"resize": 256, "filter": "BICUBIC", "scale": "1", "bgr": "yes"}
    assert said(store, file, **COLOURS, **more) == {
        **COLOURS,
        "resize": 256,
        "filter": "bicubic",
        "scale": 1,
        "bgr": True,
    }
    (tmp_path / "other.ckpt").touch()
    (tmp_path / "other.json").touch()
    assert said(store, tmp_path / "other.ckpt") is None


def test_a_folder_of_ours_is_no_onnx_file(store: ArtifactStore, tmp_path: Path) -> None:
    for name in ("model.onnx", "model.json", "encoder.safetensors"):
        (tmp_path / name).touch()
    assert said(store, tmp_path) is None


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        (
            {"mean": [1, 2, 3]},
            r"encoder\.mean is set, but encoder\.mean has 3 numbers and encoder\.std has 0; give both",
        ),
        ({"std": [1, 2]}, r"encoder\.std is set, but .*encoder\.std has 2"),
        ({"bgr": "yes"}, r"encoder\.bgr is set, but encoder\.mean has 0 numbers"),
        ({**COLOURS, "path": None}, r"encoder\.mean is set, but encoder\.path is not; it is for ONNX files"),
        ({**COLOURS, "scale": 0}, r"encoder\.scale is 0; it must be more than 0"),
        ({**COLOURS, "resize": -1}, r"encoder\.resize is -1; it must be at least 0"),
        ({**COLOURS, "filter": "sharp"}, r"encoder\.filter is 'sharp'; it takes nearest"),
        ({**COLOURS, "mean": ["x", 1, 1]}, r"encoder\.mean"),
        ({**COLOURS, "mean": "grey"}, r"encoder\.mean is 'grey'; it must be a number"),
        ({**COLOURS, "mean": 5}, r"encoder\.mean is 5; it must be a list"),
        ({**COLOURS, "mean": "[]"}, r"encoder\.std is set, but encoder\.mean has 0 numbers"),
        ({**COLOURS, "mean": [float("nan"), 1, 1]}, r"encoder\.mean"),
    ],
)
def test_settings_that_make_no_sense_are_refused(encoder: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        build({"data": "d", "encoder": {"path": "model.onnx", **encoder}})


def _encoder(architecture: str) -> EncoderRef:
    nothing = ArtifactRef(path="encoders/x", sha256="0" * 64, bytes=1)
    return EncoderRef(artifact=nothing, architecture=architecture, dim=4, image_size=8)


def _settings(choice: str, enabled: bool, train_encoder: bool = True) -> RunSettings:
    auto = {"enabled": enabled, "choice": choice}
    return build({"data": "d", "auto": auto, "fine_tune": {"train_encoder": train_encoder}})


def test_rounds_that_would_fine_tune_it_are_refused_at_once() -> None:
    with pytest.raises(InvalidInputError, match=r"auto\.choice is fine_tune, but .* ONNX .* cannot be fine-tuned"):
        check_auto_choice(_settings("fine_tune", True), _encoder("onnx"))
    for settings, architecture in (
        (_settings("fine_tune", True), "vit"),
        (_settings("train", True), "onnx"),
        (_settings("fine_tune", False), "onnx"),
        (_settings("fine_tune", True, train_encoder=False), "onnx"),
    ):
        check_auto_choice(settings, _encoder(architecture))


def test_a_person_who_wants_it_is_told() -> None:
    settings = _settings("train", False)
    assert "cannot be fine-tuned; train the head" in refusal(settings, _encoder("onnx"), FINE_TUNE)
    assert refusal(settings, _encoder("onnx"), TRAIN) == "" == refusal(settings, _encoder("vit"), FINE_TUNE)
    assert refusal(_settings("train", False, train_encoder=False), _encoder("onnx"), FINE_TUNE) == ""


@pytest.mark.parametrize(
    ("architecture", "choice", "train_encoder", "why"),
    [
        ("hog", "train", True, "the encoder hog has no weights to fine-tune"),
        ("onnx", "train", True, "an encoder that came as an ONNX file cannot be fine-tuned"),
        ("resnet18", "train", True, ""),
        ("hog", "train", False, ""),  # the head alone was asked for
        ("hog", "fine_tune", True, ""),  # as before: the head alone learns
    ],
)
def test_people_are_not_offered_what_would_be_of_no_use(
    architecture: str, choice: str, train_encoder: bool, why: str
) -> None:
    assert not_offered(_settings(choice, choice == "fine_tune", train_encoder), _encoder(architecture)) == why
