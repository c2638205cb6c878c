"""The bytes of an ONNX file: what is seen is what the library sees, and damaged ones end in a sentence."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest

from protos.errors import InvalidInputError
from services.common.encoders.onnx_file import check_onnx

pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
from onnx import TensorProto, helper, numpy_helper

from tests.support import onnx_models as small


def test_what_is_in_a_file_is_counted() -> None:
    made = small.encoder(metadata={"who": "me", "": "ü"})
    found = check_onnx(made.SerializeToString())
    assert found.operators == len(made.graph.node) == 7
    assert found.numbers == sum(int(np.prod(tensor.dims)) for tensor in made.graph.initializer)
    assert found.metadata == {"who": "me", "": "ü"}


def test_what_is_nested_is_counted_too() -> None:
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["t"], value=numpy_helper.from_array(np.ones(5, np.float32)))],
        "inner",
        [],
        [helper.make_tensor_value_info("t", 1, [5])],
    )
    made = small.encoder(more=[helper.make_node("If", ["yes"], ["t"], then_branch=inner, else_branch=inner)])
    assert check_onnx(made.SerializeToString()).operators == 10
    plain = check_onnx(small.encoder().SerializeToString()).numbers
    assert check_onnx(made.SerializeToString()).numbers == plain + 10


def test_graphs_within_graphs_without_end_are_refused() -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    with pytest.raises(InvalidInputError, match="nested more than 12 deep"):
        check_onnx(helper.make_model(graph).SerializeToString())


def test_a_second_graph_hides_nothing() -> None:
    """Protocol Buffers join a field that comes twice; what joins in must be seen as well."""
    tensor = TensorProto(name="w3", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    second = helper.make_graph([], "g", [], [], [tensor]).SerializeToString()
    size = len(second).to_bytes(1, "little")
    for more in (b"\x3a" + size + second, b"\xba\x00" + size + second):  # the second number is longer than it need be
        with pytest.raises(InvalidInputError, match="weights in other files"):
            check_onnx(small.encoder().SerializeToString() + more)


def test_a_place_that_is_cut_to_external_is_refused() -> None:
    tensor = b"\x70" + b"\x81\x80\x80\x80\x10"  # 2**32 + 1 becomes 1 in 32 bits
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(InvalidInputError, match="weights in other files"):
        check_onnx(small.encoder().SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08",
        b"text of somebody",
        b"\x08\x07",
        b"\x0b\x08",
        b"\xff" * 40,
        b"\x38\x01",
        b"\x3a\xff\xff\x03",
        b"\x00\x00",
    ],
)
def test_what_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="it is no ONNX file"):
        check_onnx(data)


@pytest.mark.parametrize("part", [b"\x08\x07", b"\x0a\x00"], ids=["that are not kept", "nodes"])
def test_millions_of_parts_are_refused_before_they_take_memory(part: bytes) -> None:
    graph = part * 3_000_000
    size = len(graph)
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="more than 500000 parts"):
            check_onnx(b"\x3a" + length + graph)
        assert tracemalloc.get_traced_memory()[1] < 300e6
    finally:
        tracemalloc.stop()


def test_a_tensor_of_millions_of_sizes_is_refused_before_they_take_memory() -> None:
    def part(number: int, content: bytes) -> bytes:
        size = len(content)
        return (
            bytes([number << 3 | 2, size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
            + content
        )

    tensor = part(1, b"\x01" * 3_000_000)  # its sizes, packed
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="a tensor of impossible size"):
            check_onnx(part(7, part(5, tensor)))
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_damaged_files_end_in_a_sentence_or_are_seen_whole() -> None:
    chance = random.Random(7)
    good = small.encoder(metadata={"who": "me"}).SerializeToString()
    refused = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            check_onnx(bytes(data[: chance.randrange(1, len(data) + 1)] if chance.random() < 0.5 else data))
        except InvalidInputError as error:
            refused += 1
            assert str(error) and "\n" not in str(error)
    assert 100 < refused < 400
