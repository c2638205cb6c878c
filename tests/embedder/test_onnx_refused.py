"""What is no encoder, or does more than one should: refused with what was seen, and nothing else is read or hurt."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from protos.errors import ActiveLabelerError, InvalidInputError
from services.embedder.onnx.reading import read_onnx
from tests.embedder.test_onnx_import import SAID, import_onnx, small, vectors
from tests.support.embedder_place import Place, write_images

pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper

BIG = np.array([1 << 21, 1 << 21], dtype=np.int64)


def _external(path: Path) -> Any:
    """Weights in another file, which is there and holds them."""
    made = small.encoder()
    (path / "weights.bin").write_bytes(small.weights()["w3"].tobytes())
    tensor = next(one for one in made.graph.initializer if one.name == "w3")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", str(path / "weights.bin")
    return made


def _hidden_external(path: Path) -> Any:
    """The same deep within branches of an operator."""
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    constant = helper.make_node("Constant", [], ["t"], value=tensor)
    inner = helper.make_graph([constant], "inner", [], [helper.make_tensor_value_info("t", 1, [1])])
    outer = helper.make_graph(
        [helper.make_node("If", ["yes"], ["t"], then_branch=inner, else_branch=inner)],
        "outer",
        [],
        [helper.make_tensor_value_info("t", 1, [1])],
    )
    branch = helper.make_node("If", ["yes"], ["one"], then_branch=outer, else_branch=outer)
    made = small.encoder(more=[branch, helper.make_node("Add", ["vector", "one"], ["embedding"])])
    made.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    return made


def _custom(path: Path) -> Any:
    return small.encoder(more=[helper.make_node("Steal", ["vector"], ["embedding"], domain="com.evil")])


def _runtimes_own(path: Path) -> Any:
    return small.encoder(more=[helper.make_node("Gelu", ["vector"], ["embedding"], domain="com.microsoft")])


def _unknown(path: Path) -> Any:
    return small.encoder(more=[helper.make_node("Frobnicate", ["vector"], ["embedding"])])


def _function(path: Path) -> Any:
    made = small.encoder()
    body = [helper.make_node("Relu", ["x"], ["y"])]
    made.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], body, [helper.make_opsetid("", 17)]))
    return made


def _loop(path: Path) -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", 1, ["n", small.DIM]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", 1, ["n", small.DIM]),
        ],
    )
    made = small.encoder(more=[helper.make_node("Loop", ["", "yes", "vector"], ["embedding"], body=body)])
    made.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    return made


def _sparse(path: Path) -> Any:
    made = small.encoder()
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "s_i")
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))
    return made


def _claims(path: Path) -> Any:
    made = small.encoder()
    made.graph.initializer.append(TensorProto(name="huge", data_type=1, dims=[1 << 20, 1 << 10]))
    return made


def _impossible(path: Path) -> Any:
    made = small.encoder()
    made.graph.initializer.append(TensorProto(name="huge", data_type=1, dims=[-1]))
    return made


def _grows(path: Path) -> Any:
    """A few bytes that want 16 terabytes."""
    more = [
        helper.make_node("ConstantOfShape", ["big"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["vector", "sum"], ["embedding"]),
    ]
    made = small.encoder(more=more)
    made.graph.initializer.append(numpy_helper.from_array(BIG, "big"))
    return made


def _chance(path: Path) -> Any:
    noise = helper.make_node("RandomNormalLike", ["vector"], ["noise"])
    return small.encoder(more=[noise, helper.make_node("Add", ["vector", "noise"], ["embedding"])])


def _neighbours(path: Path) -> Any:
    mean = helper.make_node("ReduceMean", ["vector"], ["mean"], axes=[0])
    return small.encoder(more=[mean, helper.make_node("Sub", ["vector", "mean"], ["embedding"])])


def _infinite(path: Path) -> Any:
    zero = helper.make_node("Sub", ["vector", "vector"], ["zero"])
    return small.encoder(more=[zero, helper.make_node("Div", ["vector", "zero"], ["embedding"])])


def _probability(path: Path) -> Any:
    more = [helper.make_node("ReduceMax", ["vector"], ["embedding"], axes=[1], keepdims=0)]
    return small.encoder(output=("n",), more=more)


def _two(path: Path) -> Any:
    made = small.encoder(more=[helper.make_node("Relu", ["vector"], ["embedding"])])
    made.graph.output.append(helper.make_tensor_value_info("vector", 1, ["n", small.DIM]))
    return made


def _two_inputs(path: Path) -> Any:
    made = small.encoder(more=[helper.make_node("Add", ["vector", "other"], ["embedding"])])
    made.graph.input.append(helper.make_tensor_value_info("other", 1, ["n", small.DIM]))
    return made


def _for_one(path: Path) -> Any:
    """Says that it takes any number of images, and takes one."""
    made = small.encoder(more=[helper.make_node("Reshape", ["vector", "shape"], ["embedding"])])
    made.graph.initializer.append(numpy_helper.from_array(np.array([1, small.DIM]), "shape"))
    return made


def _shaped(*shape: int | str) -> Callable[[Path], Any]:
    return lambda path: small.encoder(shape)


def _bytes(path: Path) -> Any:
    cast = helper.make_node("Cast", ["images"], ["x"], to=1)
    nodes = [
        cast,
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["embedding"]),
    ]
    return small.model(nodes, {}, output=("n", 3), kind=TensorProto.UINT8)


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "external weights": (_external, r"keeps weights in other files, and no other file is read; save it as one file"),
    "external weights within branches": (_hidden_external, "keeps weights in other files"),
    "a custom operator": (_custom, r"its operator 'Steal' is of 'com\.evil'; only ONNX's own operators are run"),
    "an operator of the runtime": (_runtimes_own, r"its operator 'Gelu' is of 'com\.microsoft'"),
    "an unknown operator": (_unknown, "onnxruntime does not take it: .*Frobnicate"),
    "a function": (_function, "has functions of its own"),
    "a loop": (_loop, "it has a Loop, which may go on for ever"),
    "sparse tensors": (_sparse, "has sparse tensors"),
    "tensors that are not there": (_claims, "its tensors claim 1073743420 numbers, but it has"),
    "a tensor of no size": (_impossible, "a tensor of impossible size"),
    "a graph that grows": (_grows, "memory|ends the process|does not take it|fails for"),
    "chance": (_chance, "gives other numbers for the same image the second time"),
    "neighbours that matter": (_neighbours, "depends on the others in its batch"),
    "nothing finite": (_infinite, "the embedding of noise is not finite"),
    "a probability": (
        _probability,
        r"it gives embedding float32 \[2\] for 2 images; an encoder gives one output \[n, d\]",
    ),
    "two embeddings": (_two, r"it gives embedding float32 \[2, 12\], vector float32 \[2, 12\]"),
    "two inputs": (
        _two_inputs,
        r"it takes images tensor\(float\) .*, other tensor\(float\) .*takes one batch of images",
    ),
    "one image only": (_for_one, r"it fails for 2 images|it gives .* for 2 images"),
    "grey images": (_shaped("n", 1, 32, 32), "onnxruntime does not take it|an encoder takes one batch of images"),
    "channels last": (_shaped("n", 32, 32, 3), "onnxruntime does not take it|an encoder takes one batch of images"),
    "oblong images": (_shaped("n", 3, 32, 48), "takes images of 32 x 48 pixels, but only squares are embedded"),
    "huge images": (_shaped("n", 3, 5000, 5000), "takes images of 5000 x 5000 pixels, more than 4096"),
    "thousands at once": (_shaped(5000, 3, 32, 32), "takes 5000 images at once, more than 1024"),
    "bytes": (_bytes, r"it takes images tensor\(uint8\)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_encoder_is_refused_with_what_was_seen(
    place: Place, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, words = REFUSED[what]
    path = small.save(tmp_path / "model.onnx", make(tmp_path))
    with pytest.raises(InvalidInputError, match=rf"the ONNX file model\.onnx cannot be used: .*({words})") as caught:
        import_onnx(place, path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    good = import_onnx(place, small.save(tmp_path / "good.onnx", small.encoder())).encoder  # and the embedder goes on
    assert vectors(place, good, write_images(tmp_path / "images", 2)).any()


SAYINGS: list[tuple[object, str]] = [
    (None, r"nothing says how its images are prepared; put a JSON file of the same name beside it"),
    (b"{", "cannot be read as JSON"),
    (b"[1]", "is no JSON object"),
    (b"[" * 100_000, "cannot be read as JSON"),
    (b"{" + b" " * 1_000_001 + b"}", "takes 1000003 bytes of JSON"),
    ({"mean": [0, 0, 0]}, "has no std; give three numbers"),
    ({"std": [1, 1, 1]}, "has no mean; give three numbers"),
    ({**SAID, "colour": "red"}, "has 'colour'; it takes image_size, resize"),
    ({**SAID, "mean": [0.5]}, r"has mean \[0\.5\]; it takes 3 numbers"),
    ({**SAID, "mean": [0.5, "x", True]}, r"has mean .*; it takes 3 numbers"),
    ({**SAID, "mean": [0, 0, 1e300]}, r"has mean .*; it takes 3 numbers"),
    (json.dumps({**SAID, "mean": [0, 0, float("nan")]}).encode(), r"has mean .*; it takes 3 numbers"),
    ({**SAID, "std": [1, 0, 1]}, "images cannot be scaled"),
    ({**SAID, "scale": 0}, "images cannot be scaled by 0"),
    ({**SAID, "scale": "large"}, "has scale .*; it takes 1 number"),
    ({**SAID, "filter": "sharp"}, "has filter 'sharp'; it takes nearest"),
    ({**SAID, "bgr": "yes"}, "has bgr 'yes'; it takes true or false"),
    ({**SAID, "image_size": -1}, "has image_size '-1'; it takes pixels"),
    ({**SAID, "resize": 2.5}, "has resize '2.5'; it takes pixels"),
    ({**SAID, "resize": 16}, "hold no square of 32; the resize must be larger"),
    ({**SAID, "image_size": 64}, "takes images of 32 x 32 pixels, and image_size is 64"),
    ({"image_mean": [0, 0, 0], "auto_map": {"AutoImageProcessor": "evil.Evil"}}, "nothing that a model brings along"),
]


@pytest.mark.parametrize(("said", "words"), SAYINGS)
def test_what_is_said_of_images_must_make_sense(place: Place, tmp_path: Path, said: object, words: str) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder())
    with pytest.raises(InvalidInputError, match=words):
        import_onnx(place, path, said)


@pytest.mark.parametrize("key", ["active_labeler_encoder", "active_labeler_model"])
@pytest.mark.parametrize("text", ["nothing", "[]", "{}", '{"encoder": {"image_size": "x"}}', "9" * 5000])
def test_metadata_that_make_no_sense_are_refused(place: Place, tmp_path: Path, key: str, text: str) -> None:
    path = small.save(tmp_path / "model.onnx", small.encoder(metadata={key: text}))
    with pytest.raises(InvalidInputError, match=r"the ONNX file model\.onnx cannot be used: (how images|its metadata)"):
        import_onnx(place, path, None)


def test_a_checkpoint_is_not_told_how_images_are_prepared(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidInputError, match="no ONNX file, and how images are prepared is said for these only"):
        import_onnx(place, tmp_path / "x.ckpt")


@pytest.mark.slow
def test_mutated_files_are_taken_or_end_in_a_sentence() -> None:
    chance = random.Random(5)
    good = small.encoder().SerializeToString()
    taken = refused = 0
    for _ in range(16):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            network, _, _ = read_onnx(bytes(data), json.dumps(SAID).encode(), 0)
            taken += network(torch.zeros(1, 3, small.SIDE, small.SIDE)).shape == (1, small.DIM)
        except ActiveLabelerError as error:
            refused += 1
            assert str(error) and "\n" not in str(error)
    assert taken and refused
