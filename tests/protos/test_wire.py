"""Arrays and messages: what goes in comes out, and what does not fit is refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from protos import common_pb2
from protos.errors import InvalidInputError
from protos.wire import from_items, from_labels, from_vectors, to_items, to_labels, to_vectors

UINT64 = st.integers(0, 2**64 - 1)


@given(npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_vectors_come_back_bit_by_bit(matrix: np.ndarray) -> None:
    message = common_pb2.Vectors.FromString(to_vectors(matrix).SerializeToString())
    back = from_vectors(message)
    assert back.dtype == np.float32
    assert back.shape == matrix.shape
    assert back.tobytes() == matrix.tobytes()


def test_vectors_of_other_layouts_come_back() -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    for same in (
        np.asfortranarray(matrix),
        np.repeat(matrix, 2, axis=1)[:, ::2],
        matrix.astype(">f4"),
        matrix.astype(np.float64),
    ):
        assert np.array_equal(from_vectors(to_vectors(same)), matrix)


def test_vectors_are_little_endian_float32_row_by_row() -> None:
    message = to_vectors(np.array([[1, 2], [3, 4]], dtype=np.float32))
    assert message.data.hex() == "0000803f000000400000404000008040"


def test_no_vectors_are_a_matrix_too() -> None:
    assert from_vectors(common_pb2.Vectors()).shape == (0, 0)
    assert from_vectors(to_vectors(np.empty((0, 5), np.float32))).shape == (0, 5)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_what_is_no_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="no matrix"):
        to_vectors(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("rows", "dim", "size"), [(2, 3, 23), (2, 3, 25), (2, 3, 0), (0, 3, 4), (2**63, 2**31, 8), (2**63, 0, 0), (1, 0, 0)]
)
def test_bytes_that_are_no_such_matrix_are_refused(rows: int, dim: int, size: int) -> None:
    with pytest.raises(InvalidInputError, match=f"{size} bytes are no {rows} vectors of {dim}"):
        from_vectors(common_pb2.Vectors(rows=rows, dim=dim, data=b"\0" * size))


@given(st.dictionaries(UINT64, st.booleans()))
def test_labels_come_back_sorted_by_item(labels: dict[int, bool]) -> None:
    items = np.array(list(labels), dtype=np.uint64)
    positive = np.array(list(labels.values()), dtype=np.bool_)
    message = common_pb2.Labels.FromString(to_labels(items, positive).SerializeToString())
    back_items, back_positive = from_labels(message)
    assert back_items.tolist() == sorted(labels)
    assert back_positive.tolist() == [labels[item] for item in sorted(labels)]
    assert back_items.dtype == np.uint64
    assert back_positive.dtype == np.bool_


def test_labels_that_do_not_fit_their_items_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 items with 3 labels"):
        to_labels(np.zeros(2, np.uint64), np.zeros(3, np.bool_))
    with pytest.raises(InvalidInputError, match="2 items with 1 labels"):
        from_labels(common_pb2.Labels(item=[1, 2], positive=b"\1"))


def test_item_labelled_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="item 7 is labelled twice"):
        from_labels(common_pb2.Labels(item=[7, 1, 7], positive=b"\1\0\1"))


def test_label_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="a label of 2 is neither 0 nor 1"):
        from_labels(common_pb2.Labels(item=[7, 1], positive=b"\1\2"))


@given(st.lists(UINT64))
def test_items_come_back_in_their_order(items: list[int]) -> None:
    message = common_pb2.Items.FromString(to_items(np.array(items, dtype=np.uint64)).SerializeToString())
    back = from_items(message)
    assert back.dtype == np.uint64
    assert back.tolist() == items
