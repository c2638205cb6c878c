"""The three files of a final model give the same probabilities, and a hostile file gets one sentence."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from protos.errors import ActiveLabelerError, DamagedError, InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer import onnx_writing
from services.trainer.about_model import KEY, AboutModel
from services.trainer.export import FORMATS, export
from services.trainer.final_model import FinalModel
from services.trainer.heads import EVALUATOR, KINDS, ONE_LAYER, Head, HeadRecord, HeadShape, head_bytes
from services.trainer.model_files import load
from services.trainer.network import EncoderWithHead

onnx = pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

Files = dict[str, Path]
SIDE = 20


def write_all(store: ArtifactStore, architecture: str, dim: int, kind: str = EVALUATOR, hidden: int = 16) -> Files:
    """The same model in each format; scores of different images differ."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build_network(architecture, dim)
        head = Head(HeadShape(kind, dim, hidden, 0.5 if kind in (EVALUATOR, ONE_LAYER) else 0.0))
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
        _moderate(network.eval(), head)
    spec = EncoderSpec(architecture, dim, SIDE)
    encoder, _ = store.once(f"encoders/{architecture}.safetensors", lambda path: save_encoder(path, network, spec))
    weights = store.put("heads/h.safetensors", head_bytes(head, HeadRecord(head.shape, "", 0, 0, 0.1, 1)))
    return {name: store.open(export(store, encoder, weights, "red", 0.4, name)) for name in FORMATS}


def _moderate(network: torch.nn.Module, head: Head) -> None:
    """Fits the head to the scale of the embeddings: a probability of 0 or 1 throughout would hide every difference."""
    with torch.no_grad():
        vectors = network(torch.randint(0, 256, (8, 3, SIDE, SIDE)).float())
        head.shift.copy_(vectors.mean(0))
        head.scale.copy_(1 / vectors.std())


@pytest.fixture
def files(store: ArtifactStore) -> Files:
    return write_all(store, "minicnn", 24)


@pytest.mark.parametrize(
    ("architecture", "dim"),
    [("minicnn", 24), ("resnet18", 512), pytest.param("resnet50", 2048, marks=pytest.mark.long), ("hog", 384)],
)
def test_all_files_of_an_encoder_agree(store: ArtifactStore, images: Any, architecture: str, dim: int) -> None:
    _check_agreement(write_all(store, architecture, dim), images)


@pytest.mark.parametrize(("kind", "hidden"), [*((kind, 0) for kind in KINDS), (EVALUATOR, 16), (ONE_LAYER, 16)])
def test_all_files_of_a_head_agree(store: ArtifactStore, images: Any, kind: str, hidden: int) -> None:
    _check_agreement(write_all(store, "minicnn", 24, kind, hidden), images)


def _check_agreement(files: Files, images: Any) -> None:
    paths = sorted(images.folder.iterdir())
    found = {name: load(path) for name, path in files.items()}
    expected = found["ckpt"].probabilities(paths)
    assert np.ptp(expected) > 1e-3
    for model in found.values():
        probabilities = model.probabilities(paths)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)
        assert (model.positive_name, model.threshold, model.spec.image_size) == ("red", 0.4, SIDE)
        assert model.classify(paths[0]).label == found["ckpt"].classify(paths[0]).label
        assert model.classify([]) == []


def test_the_file_is_told_by_its_content(files: Files, tmp_path: Path, images: Any) -> None:
    expected = load(files["ckpt"]).classify(images.folder / "00.png").probability
    for name, path in files.items():
        other = tmp_path / f"{name}.model"
        other.write_bytes(path.read_bytes())
        assert load(other).classify(images.folder / "00.png").probability == pytest.approx(expected, abs=1e-4)


def test_equal_models_have_equal_bytes(tmp_path: Path, files: Files) -> None:
    again = write_all(ArtifactStore(tmp_path / "other"), "minicnn", 24)
    for name in ("ckpt", "safetensors"):
        assert again[name].read_bytes() == files[name].read_bytes()


def test_the_onnx_file_says_how_to_feed_it_and_nothing_of_the_machine(files: Files) -> None:
    onnx.checker.check_model(str(files["onnx"]))
    model = onnx.load(str(files["onnx"]))
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["positive_name"] == "red"
    assert float(said["threshold"]) == 0.4
    told = json.loads(said["preprocessing"])
    assert (told["resize"], told["range"], told["layout"]) == ([SIDE, SIDE], [0, 255], "NCHW")
    assert json.loads(said[KEY])["encoder"]["architecture"] == "minicnn24"
    for trace in (b"site-packages", b".py", str(Path(__file__).parent.parent.parent).encode()):
        assert trace not in files["onnx"].read_bytes()


def test_a_batch_of_any_size(files: Files) -> None:
    model = load(files["onnx"])
    pixels = np.random.default_rng(1).integers(0, 256, (65, SIDE, SIDE, 3)).astype(np.uint8)
    np.testing.assert_allclose(model.of_pixels(pixels)[:3], model.of_pixels(pixels[:3]), atol=1e-5)


def test_the_onnx_file_needs_no_torch(files: Files, images: Any) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; import active_labeler;"
        "print(active_labeler.load_model(sys.argv[1]).classify(sys.argv[2]).probability)"
    )
    arguments = [sys.executable, "-c", code, str(files["onnx"]), str(images.folder / "00.png")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    expected = load(files["ckpt"]).classify(images.folder / "00.png").probability
    assert float(done.stdout) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("absent", "name", "sentence"),
    [
        ("torch", "ckpt", "is read by PyTorch, which is not installed"),
        ("torch", "safetensors", "is read by PyTorch, which is not installed"),
        ("onnxruntime", "onnx", "is read by onnxruntime, which is not installed"),
    ],
)
def test_what_is_not_installed_is_named(files: Files, absent: str, name: str, sentence: str) -> None:
    code = f"import sys; sys.modules[{absent!r}] = None; import active_labeler; active_labeler.load_model(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(files[name])], capture_output=True, text=True)
    assert sentence in done.stderr.splitlines()[-1]
    assert "InvalidInputError" in done.stderr.splitlines()[-1]


def test_without_onnx_it_is_not_written(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_writing, "find_spec", lambda name: None)
    with pytest.raises(InvalidInputError, match="needs onnx and onnxscript, not installed here; install them"):
        write_all(store, "minicnn", 24)


def test_a_file_that_gives_other_numbers_is_not_published(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = onnx_writing._run
    for wrong in (0.001, np.nan):
        monkeypatch.setattr(onnx_writing, "_run", lambda *given, by=wrong: run(*given) + np.float32(by))
        with pytest.raises(InvalidInputError, match="gives probabilities that differ by"):
            write_all(store, "minicnn", 24)


def test_an_unknown_format_is_named(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "tflite", lambda *_: b"")
    monkeypatch.delitem(FORMATS, "tflite")
    with pytest.raises(InvalidInputError, match="no model format 'tflite'; it takes ckpt, safetensors, onnx"):
        export(store, *_no_artifacts(), "red", 0.5, "tflite")


def _no_artifacts() -> Any:
    from protos.common_pb2 import Artifact

    return Artifact(), Artifact()


class Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("bomb-went-off"),)


def test_hostile_files_get_one_sentence(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bad: list[bytes] = [b"", b"\0" * 100, b"text", pickle.dumps(Bomb())]
    bad += [(2**40).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"{}", b"\x08" + b"\xff" * 50]
    for path in files.values():
        content = path.read_bytes()
        bad += [content[: len(content) // 2], content[:100] + b"\xff" * 200 + content[300:]]
    for number, content in enumerate(bad):
        for suffix in (".ckpt", ".safetensors", ".onnx"):
            path = tmp_path / f"bad{number}{suffix}"
            path.write_bytes(content)
            with pytest.raises((InvalidInputError, DamagedError), match=rf"bad{number}\{suffix} is ") as caught:
                load(path)
            assert "\n" not in str(caught.value)
    assert not (tmp_path / "bomb-went-off").exists()


CLAIMS: dict[str, Callable[[AboutModel], str]] = {
    "nothing": lambda about: "",
    "a list": lambda about: "[]",
    "too long": lambda about: about.to_json() + " " * 100_000,
    "a network of 4 terabytes": lambda about: replace(
        about, encoder=EncoderSpec("minicnn", 10**9, SIDE), head={**about.head, "dim": 10**9, "hidden_dim": 0}
    ).to_json(),
    "another head": lambda about: replace(about, head={**about.head, "hidden_dim": 17}).to_json(),
    "no head": lambda about: replace(about, head={"run": "rm"}).to_json(),
    "another network": lambda about: replace(about, encoder=EncoderSpec("resnet18", 512, SIDE)).to_json(),
    "an unknown one": lambda about: replace(about, encoder=EncoderSpec("os.system", 24, SIDE)).to_json(),
    "a large picture": lambda about: about.to_json().replace(f'"image_size": {SIDE}', '"image_size": 999999'),
    "no threshold": lambda about: replace(about, threshold=float("nan")).to_json(),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_safetensors_that_lie(files: Files, tmp_path: Path, claim: str) -> None:
    with safe_open(files["safetensors"], "pt") as file:
        about = AboutModel.of_json(file.metadata()[KEY], Path())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    save_file(tensors, tmp_path / "lie.safetensors", {KEY: CLAIMS[claim](about)})
    with pytest.raises(DamagedError, match=r"lie\.safetensors is a damaged final model"):
        load(tmp_path / "lie.safetensors")


@pytest.mark.parametrize("claim", ["nothing", "a list", "too long", "a large picture", "no threshold"])
def test_onnx_that_lies(files: Files, tmp_path: Path, claim: str) -> None:
    model = onnx.load(str(files["onnx"]))
    for entry in model.metadata_props:
        if entry.key == KEY:
            entry.value = CLAIMS[claim](AboutModel.of_json(entry.value, Path()))
    onnx.save(model, str(tmp_path / "lie.onnx"))
    with pytest.raises(DamagedError, match=r"lie\.onnx is a damaged final model"):
        load(tmp_path / "lie.onnx")


def test_later_versions_and_foreign_files_are_told(files: Files, tmp_path: Path) -> None:
    model = onnx.load(str(files["onnx"]))
    about = next(entry.value for entry in model.metadata_props if entry.key == KEY)
    later = json.dumps({**json.loads(about), "version": 9})
    weights = {"w": torch.zeros(1)}
    save_file(weights, tmp_path / "later.safetensors", {KEY: later})
    save_file(weights, tmp_path / "foreign.safetensors")
    next(entry for entry in model.metadata_props if entry.key == KEY).value = later
    onnx.save(model, str(tmp_path / "later.onnx"))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "foreign.onnx"))
    for suffix in ("safetensors", "onnx"):
        with pytest.raises(InvalidInputError, match="is a final model of version 9, this program reads 1"):
            load(tmp_path / f"later.{suffix}")
        with pytest.raises(InvalidInputError, match="but no final model of this program"):
            load(tmp_path / f"foreign.{suffix}")


def test_an_onnx_file_cannot_read_others(files: Files, tmp_path: Path) -> None:
    model = onnx.load(str(files["onnx"]))
    onnx.save(model, str(tmp_path / "m.onnx"), save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(InvalidInputError, match=r"m\.onnx is no final model of this program, or damaged"):
        load(tmp_path / "m.onnx")


def test_weights_that_are_no_numbers_are_no_classes(files: Files, images: Any) -> None:
    model = load(files["safetensors"])
    assert isinstance(model, FinalModel)
    assert isinstance(model.network, EncoderWithHead)
    assert all(not parameter.is_meta for parameter in model.network.state_dict().values())
    with pytest.raises(ActiveLabelerError):
        model.classify(images.folder / "absent.png")
