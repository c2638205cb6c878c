"""Heads: their layers against a reference, and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from protos.errors import DamagedError, InvalidInputError
from services.trainer.heads import EVALUATOR, ONE_LAYER, Head, HeadRecord, HeadShape, head_bytes, load_head


def reference(head: Head, x: np.ndarray) -> np.ndarray:
    """Linear layers with ReLU between them, in float64 NumPy."""
    linear = [module for module in head.layers if isinstance(module, torch.nn.Linear)]
    x = x.astype(np.float64)
    for number, layer in enumerate(linear):
        x = x @ layer.weight.detach().numpy().astype(np.float64).T + layer.bias.detach().numpy()
        x = np.maximum(x, 0) if number < len(linear) - 1 else x
    return x[:, 0]


@pytest.mark.parametrize(
    ("kind", "hidden", "widths"),
    [
        (EVALUATOR, 128, [128, 64, 32, 1]),
        (EVALUATOR, 2, [2, 1, 1, 1]),
        (EVALUATOR, 0, [1]),
        (ONE_LAYER, 128, [128, 1]),
        (ONE_LAYER, 0, [1]),
    ],
)
def test_layers_and_outputs_are_those_of_the_original(kind: str, hidden: int, widths: list[int]) -> None:
    head = Head(HeadShape(kind, 10, hidden, 0.3)).eval()
    x = np.random.default_rng(1).normal(size=(7, 10)).astype(np.float32)
    assert [layer.out_features for layer in head.layers if isinstance(layer, torch.nn.Linear)] == widths
    got = head(torch.from_numpy(x)).detach().numpy()
    assert got.shape == (7,)
    np.testing.assert_allclose(got, reference(head, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "hidden", "dropouts"), [(EVALUATOR, 8, 4), (ONE_LAYER, 8, 1), (EVALUATOR, 0, 1)])
def test_dropout_stands_where_the_original_has_it(kind: str, hidden: int, dropouts: int) -> None:
    head = Head(HeadShape(kind, 10, hidden, 0.25))
    found = [layer for layer in head.layers if isinstance(layer, torch.nn.Dropout)]
    assert [layer.p for layer in found] == [0.25] * dropouts
    assert isinstance(head.layers[0], torch.nn.Dropout)
    assert isinstance(head.layers[-1], torch.nn.Linear)


def test_shift_and_scale_come_before_the_layers() -> None:
    head = Head(HeadShape(EVALUATOR, 4, 0, 0.0)).eval()
    x = torch.randn(3, 4)
    plain = head(2 * (x - 1))
    head.shift.fill_(1)
    head.scale.fill_(2)
    assert torch.equal(head(x), plain)


def record(shape: HeadShape) -> HeadRecord:
    return HeadRecord(shape, parent="ab" * 32, seed=7, label_position=12, lr=0.05, best_epoch=3)


def test_file_gives_back_what_it_was_given_and_equal_heads_have_equal_bytes(tmp_path: Path) -> None:
    shape = HeadShape(EVALUATOR, 10, 16, 0.1)
    head = Head(shape)
    data = head_bytes(head, record(shape))
    assert all(head_bytes(head, record(shape)) == data for _ in range(20))
    (tmp_path / "head").write_bytes(data)
    loaded, found = load_head(tmp_path / "head")
    assert found == record(shape)
    assert not loaded.training
    x = torch.randn(5, 10)
    assert torch.equal(loaded(x), head.eval()(x))


@pytest.mark.parametrize("damage", ["empty", "half", "text", "foreign", "shape", "kind"])
def test_a_file_that_is_no_head_gets_one_sentence(tmp_path: Path, damage: str) -> None:
    shape = HeadShape(EVALUATOR, 10, 16, 0.1)
    data = head_bytes(Head(shape), record(shape))
    path = tmp_path / "head"
    if damage == "foreign":
        save_file({"w": torch.ones(2)}, path)
    else:
        path.write_bytes(
            {
                "empty": b"",
                "half": data[: len(data) // 2],
                "text": b"no head at all",
                "shape": data.replace(rb"\"dim\": 10", rb"\"dim\": 11"),
                "kind": data.replace(b"SSLEvaluator", b"SSLEvaluatoR"),
            }[damage]
        )
    assert path.read_bytes() != data
    with pytest.raises(DamagedError, match=r"is no head: .*; train it again"):
        load_head(path)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (("MLP", 4, 8, 0.1), "'MLP'"),
        ((EVALUATOR, 0, 8, 0.1), "0 numbers"),
        ((EVALUATOR, 4, 2**32 - 1, 0.1), "hidden_dim"),
        ((ONE_LAYER, 2048, 65_536, 0.1), "a hidden_dim of 65536 has more than 67108864 weights"),
        ((EVALUATOR, 4, 8, 1.0), "dropout of 1"),
        ((EVALUATOR, 4, 8, float("nan")), "dropout of nan"),
    ],
)
def test_impossible_shapes_are_refused(values: tuple[str, int, int, float], word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        HeadShape(*values)


def test_a_shape_fits_whatever_the_dropout() -> None:
    shape = HeadShape(EVALUATOR, 4, 8, 0.1)
    assert shape.fits(HeadShape(EVALUATOR, 4, 8, 0.5))
    assert not shape.fits(HeadShape(EVALUATOR, 5, 8, 0.1))
    assert not shape.fits(HeadShape(ONE_LAYER, 4, 8, 0.1))
    assert not shape.fits(HeadShape(EVALUATOR, 4, 9, 0.1))
