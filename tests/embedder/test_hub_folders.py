"""Folders that are no model, or a hostile one: refused with a sentence, and nothing in them is run."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from protos import embedder_pb2 as messages
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from tests.support.embedder_place import Place

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub


def import_model(place: Place, folder: Path | str) -> messages.ImportEncoderResponse:
    return place.stub.ImportEncoder(messages.ImportEncoderRequest(model=str(folder)))


def change(file: Path, **fields: Any) -> None:
    """Sets fields of a JSON file; None takes them away."""
    content = {**json.loads(file.read_text()), **fields}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


class Bomb:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.trace), "w")


def test_pickled_weights_are_refused_unopened(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "m", "vit")
    (tmp_path / "m" / "model.safetensors").unlink()
    (tmp_path / "m" / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(tmp_path / "trace")))
    with pytest.raises(
        InvalidInputError, match=r"weights are in pytorch_model.bin, which can hold programs; give a model"
    ):
        import_model(place, tmp_path / "m")
    index = tmp_path / "m" / "model.safetensors.index.json"
    for name in ("pytorch_model.bin", "../other/model.safetensors", "/etc/x.safetensors", 3):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(InvalidInputError, match="names files that are no safetensors of this folder"):
            import_model(place, tmp_path / "m")
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    with pytest.raises(InvalidInputError, match=r"not whole: model-1.safetensors is missing; download it again"):
        import_model(place, tmp_path / "m")
    assert not (tmp_path / "trace").exists()


def test_code_that_a_model_brings_along_is_refused_and_not_run(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "m", "vit")
    trace = tmp_path / "trace"
    (tmp_path / "m" / "evil.py").write_text(f"open({str(trace)!r}, 'w')\n")
    change(tmp_path / "m" / "config.json", auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Config"})
    with pytest.raises(
        InvalidInputError, match=r"configuration has 'auto_map', and nothing that a model brings along is run"
    ):
        import_model(place, tmp_path / "m")
    change(tmp_path / "m" / "config.json", auto_map=None)
    change(tmp_path / "m" / "preprocessor_config.json", auto_map={"AutoImageProcessor": "evil.Eye"})
    with pytest.raises(
        InvalidInputError, match=r"preprocessor has 'auto_map', and nothing that a model brings along is run"
    ):
        import_model(place, tmp_path / "m")
    assert not trace.exists()


def test_what_a_configuration_says_beside_its_shape_is_not_heard(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "m", "vit")
    plain = import_model(place, tmp_path / "m").encoder
    names = {"_attn_implementation": "x/y", "attn_implementation": "x/y", "transformers_weights": "../evil.bin"}
    change(tmp_path / "m" / "config.json", **names, torch_dtype="float16", output_attentions=True, _name_or_path="evil")
    assert import_model(place, tmp_path / "m").encoder.artifact.sha256 == plain.artifact.sha256


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_type": "llama"}, r"model type 'llama' is not known; it takes clip, siglip, vit"),
        ({"model_type": None}, "model type None is not known"),
        (
            {"intermediate_size": 32},
            r"weights are not those of its configuration: \S+ is \(64,\), not \(32,\)",
        ),
        ({"hidden_size": 1_000_000}, r"configuration describes \d+ weights, but its file holds \d+"),
        ({"hidden_size": 10**12}, "hidden_size = 1000000000000, more than 10000000; is it damaged"),
        (
            {"num_hidden_layers": 3},
            r"configuration describes \d+ weights|weights are not whole: \d+ tensors are missing",
        ),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers = 1000000, more than 512"),
        ({"hidden_size": "many"}, "configuration is not possible"),
        ({"num_attention_heads": 5}, "is not possible|makes no network|not those of its configuration"),
        ({"hidden_act": "evil"}, "makes no network"),
        ({"image_size": {"a": 1}}, "image_size = .*, which is no number, word or short list"),
        ({"quantization_config": {"quant_method": "x"}}, "configuration has 'quantization_config'"),
    ],
)
def test_configurations_that_are_refused(place: Place, tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    hub.save_model(tmp_path / "m", "vit")
    change(tmp_path / "m" / "config.json", **fields)
    with pytest.raises(InvalidInputError, match=rf"^the model {tmp_path}/m cannot be used: its .*({sentence})"):
        import_model(place, tmp_path / "m")


def test_absent_and_broken_files(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    cases = [
        ("config.json", None, "it has no config.json; give the folder of a model in the hub's format"),
        ("config.json", b"{", "its config.json cannot be read"),
        ("config.json", b"[1]", "its config.json holds no JSON object"),
        ("config.json", b"[" * 100_000, "its config.json cannot be read"),
        ("preprocessor_config.json", None, "it has no preprocessor_config.json, which says how images are prepared"),
        ("preprocessor_config.json", b"\xff\xfe", "its preprocessor_config.json cannot be read"),
        ("model.safetensors", None, "it has no model.safetensors"),
        ("model.safetensors", b"nothing", "its model.safetensors is damaged"),
        ("tokenizer.json", b"{}", "its tokenizer.json cannot be read"),
    ]
    for name, data, sentence in cases:
        hub.save_model(folder, "clip")
        (folder / name).unlink()
        if data is not None:
            (folder / name).write_bytes(data)
        with pytest.raises(InvalidInputError, match=sentence):
            import_model(place, folder)
    hub.save_model(folder, "clip")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match=r"model.safetensors is damaged.*download it again"):
        import_model(place, folder)


def test_a_tokenizer_of_another_model_is_refused(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "clip", "clip")
    hub.save_model(tmp_path / "siglip", "siglip")
    (tmp_path / "siglip" / "tokenizer.json").write_bytes((tmp_path / "clip" / "tokenizer.json").read_bytes())
    with pytest.raises(InvalidInputError, match="makes more tokens than the 120 that its configuration says"):
        import_model(place, tmp_path / "siglip")


def test_weights_that_are_missing_or_not_numbers(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "m", "dinov2")
    file = tmp_path / "m" / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("layernorm.weight"))
    save_file({**{n: t for n, t in tensors.items() if n != name}, "spare": torch.zeros(99)}, file)
    with pytest.raises(InvalidInputError, match=rf"not whole: 1 tensors are missing, {name} among them"):
        import_model(place, tmp_path / "m")
    save_file({**tensors, name: torch.full((32,), float("nan"))}, file)
    with pytest.raises(InvalidInputError, match="weights hold numbers that are not finite"):
        import_model(place, tmp_path / "m")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"size": {"height": 32, "width": 48}}, r"only squares are embedded here"),
        ({"size": {"longest_edge": 32}}, r"only squares are embedded here"),
        ({"size": 0}, "its size is 0, not a number of pixels"),
        ({"size": {"shortest_edge": "x"}}, "its size is 'x', not a number of pixels"),
        ({"size": None}, "its size is None, not a number of pixels"),
        ({"size": {"shortest_edge": 16}}, "hold no square of 32"),
        ({"size": {"height": 48, "width": 48}}, "become 48 x 48 pixels and are cut to 32, which is not done here"),
        ({"resample": 17}, "filter 17 is not possible"),
        ({"resample": "best"}, "makes no sense"),
        ({"image_mean": [0.5]}, "makes no sense: not enough values"),
        ({"image_mean": None}, "makes no sense: 'image_mean'"),
        ({"image_std": [0, 1, 1]}, "divided by"),
        ({"rescale_factor": -1}, "cannot be scaled by -1"),
    ],
)
def test_preprocessing_that_is_refused(place: Place, tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    hub.save_model(tmp_path / "m", "clip")
    change(tmp_path / "m" / "preprocessor_config.json", **fields)
    with pytest.raises(InvalidInputError, match=sentence):
        import_model(place, tmp_path / "m")


def test_names_that_lead_nowhere(place: Place, tmp_path: Path) -> None:
    for name in (f"{tmp_path}/none", "./none", "a/b/c", "../up", "a b", "-x", "é" * 5000, "~nobody-here/x"):
        with pytest.raises(
            NotFoundError, match=r"is not on the embedder's machine, and no name at the hub; give one like"
        ):
            import_model(place, name)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InvalidInputError, match=r"is a file; give the folder that it is in, or a checkpoint"):
        import_model(place, tmp_path / "file")


def test_an_encoder_file_with_another_configuration_is_refused(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "m", "vit")
    artifact = import_model(place, tmp_path / "m").encoder.artifact
    data = place.store.open(artifact).read_bytes()
    for old, new in (
        (b'\\\\\\"hidden_size\\\\\\": 32', b'\\\\\\"hidden_size\\\\\\": 99'),
        (b'"architecture\\": \\"vit', b'"architecture\\": \\"bit'),
    ):
        assert data.count(old) == 1
        (tmp_path / "x.safetensors").write_bytes(data.replace(old, new))
        with pytest.raises((InvalidInputError, DamagedError), match=r"cannot be used"):
            place.import_file(tmp_path / "x.safetensors")
