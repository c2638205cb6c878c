"""Small ONNX files made on the spot: two convolutions and a linear layer, and what PyTorch makes of the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch.nn import functional

DIM, SIDE = 12, 32
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
Shape = Sequence[int | str]


def weights(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Of the layers."""
    rng = np.random.default_rng(seed)
    sizes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (16, 8, 3, 3), "b2": (16,), "w3": (DIM, 16), "b3": (DIM,)}
    return {name: (rng.standard_normal(size) * 0.4).astype(np.float32) for name, size in sizes.items()}


def encoder(
    images: Shape = ("n", 3, SIDE, SIDE),
    output: Shape = ("n", DIM),
    more: Sequence[Any] = (),
    metadata: dict[str, str] | None = None,
    seed: int = 0,
) -> onnx.ModelProto:
    """A model; ``more`` are nodes that follow on "vector" and give "embedding", else it is the output itself."""
    nodes = [
        helper.make_node("Conv", ["images", "w1", "b1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["vector" if more else "embedding"], transB=1),
        *more,
    ]
    return model(nodes, weights(seed), images, output, metadata)


def model(
    nodes: Sequence[Any],
    tensors: dict[str, NDArray[Any]],
    images: Shape = ("n", 3, SIDE, SIDE),
    output: Shape = ("n", DIM),
    metadata: dict[str, str] | None = None,
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model of any nodes from "images" to "embedding"."""
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("images", kind, list(images))],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, list(output))],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value
    return made


def save(path: Path, made: onnx.ModelProto) -> Path:
    """Writes a model."""
    path.write_bytes(made.SerializeToString())
    return path


def by_torch(paths: Sequence[Path], seed: int = 0, side: int = SIDE) -> NDArray[np.float32]:
    """What PyTorch makes of image files with the same weights, resized and normalised here: float32 [n, DIM]."""
    layer = {name: torch.from_numpy(array) for name, array in weights(seed).items()}
    pictures = [Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for path in paths]
    pixels = np.stack([np.asarray(picture, dtype=np.float64) / 255 for picture in pictures])
    x = torch.from_numpy(((pixels - MEAN) / STD).transpose(0, 3, 1, 2)).float()
    x = functional.conv2d(x, layer["w1"], layer["b1"], 2, 1).relu()
    x = functional.conv2d(x, layer["w2"], layer["b2"], 2, 1).relu().mean((2, 3))
    return np.asarray(functional.linear(x, layer["w3"], layer["b3"]))
