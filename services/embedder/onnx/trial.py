"""Tries an ONNX file: ``python -m services.embedder.onnx.trial SIDE``, the file on standard input, the answer on standard output.

A process of its own, with limits on memory and time: whatever a hostile graph does to onnxruntime, it does here. The answer is a
line of JSON, ``{"refused": reason}`` or the fields of `Tried`.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.errors import ActiveLabelerError, InvalidInputError
from services.common.encoders.onnx_session import as_rows, line_of, open_session
from services.common.encoders.spec import MAX_IMAGE_SIZE, MAX_ONNX_BATCH

SIDE = 224  # of images, where neither the file nor anybody else says it; the size of ImageNet
MAX_DIM = 65_536
CPU_S = 300
_MEMORY = 4 * 1024**3  # and eight times the file


@dataclass(frozen=True)
class Tried:
    """What a file takes and gives.

    Attributes:
        side: of its images, pixels.
        batch: images that it takes at once; 0: any number.
        output: name of the output that is the embedding.
        dim: length of an embedding.
    """

    side: int
    batch: int
    output: str
    dim: int


def try_out(data: bytes, side: int) -> Tried:
    """Runs a file on noise, and looks at what it takes and gives.

    Args:
        data: the file.
        side: of the images, as somebody wishes; 0: as the file says.

    Raises:
        InvalidInputError: when it is no encoder of images, with what was seen.
    """
    session = open_session(data)
    name, batch, side = _input(session, side)
    noise = np.random.default_rng(0).standard_normal((3, 3, side, side), dtype=np.float32)
    count = batch or 2
    first = np.stack([noise[row % 2] for row in range(count)])
    found = _run(session, name, first)
    output, rows = _embedding(session, found, count)
    again = as_rows(_run(session, name, first)[output], count)
    if not np.array_equal(again, rows):
        raise InvalidInputError("it gives other numbers for the same image the second time; export it for inference")
    if count > 1:  # another neighbour
        first[1] = noise[2]
        if not np.array_equal(as_rows(_run(session, name, first)[output], count)[0], rows[0]):
            raise InvalidInputError(
                "the embedding of an image depends on the others in its batch; export it for inference"
            )
    if not np.isfinite(rows).all():
        raise InvalidInputError("the embedding of noise is not finite")
    return Tried(side, batch, output, rows.shape[1])


def _input(session: Any, wanted: int) -> tuple[str, int, int]:
    """The name of the only input, the batch and the side that it takes."""
    inputs = session.get_inputs()
    seen = ", ".join(f"{one.name[:80]} {one.type} {one.shape}" for one in inputs) or "nothing"
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 4 or inputs[0].type != "tensor(float)" or shape[1] != 3:
        raise InvalidInputError(
            f"it takes {seen}; an encoder takes one batch of images, tensor(float) [n, 3, side, side]"
        )
    batch, _, height, width = (size if isinstance(size, int) and size > 0 else 0 for size in shape)
    if batch > MAX_ONNX_BATCH:
        raise InvalidInputError(f"it takes {batch} images at once, more than {MAX_ONNX_BATCH}")
    fixed = height or width
    if height and width and height != width:
        raise InvalidInputError(f"it takes images of {height} x {width} pixels, but only squares are embedded here")
    if fixed and wanted not in (0, fixed):
        raise InvalidInputError(
            f"it takes images of {fixed} x {fixed} pixels, and image_size is {wanted}; leave it out"
        )
    side = fixed or wanted or SIDE
    if side > MAX_IMAGE_SIZE:
        raise InvalidInputError(f"it takes images of {side} x {side} pixels, more than {MAX_IMAGE_SIZE}")
    return inputs[0].name, batch, side


def _run(session: Any, name: str, images: NDArray[np.float32]) -> dict[str, Any]:
    names = [one.name for one in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, {name: images}), strict=True))
    except Exception as error:  # what a graph can do
        raise InvalidInputError(
            f"it fails for {len(images)} image{'s' * (len(images) > 1)} of {images.shape[2]} x {images.shape[2]} pixels:"
            f" {line_of(error)}; set another image_size, or export it with a dynamic batch"
        ) from error


def _embedding(session: Any, found: dict[str, Any], count: int) -> tuple[str, NDArray[np.float32]]:
    """The only output that has one vector for each image."""
    rows: dict[str, NDArray[np.float32]] = {}
    for name, array in found.items():
        try:
            rows[name] = as_rows(array, count)
        except ActiveLabelerError:
            continue
    fitting = [name for name, array in rows.items() if 1 < array.shape[1] <= MAX_DIM]
    if len(fitting) != 1:
        seen = ", ".join(f"{name[:80]} {_shape(array)}" for name, array in found.items()) or "nothing"
        raise InvalidInputError(
            f"it gives {seen} for {count} images; an encoder gives one output [n, d] (or [n, d, 1, 1]), d from 2 to {MAX_DIM}"
        )
    return fitting[0], rows[fitting[0]]


def _shape(array: Any) -> str:
    return f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__


def main() -> None:
    """Answers one question."""
    data = sys.stdin.buffer.read()
    _limit(resource.RLIMIT_AS, _MEMORY + 8 * len(data))
    _limit(resource.RLIMIT_CPU, CPU_S)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        answer: dict[str, Any] = asdict(try_out(data, int(sys.argv[1])))
    except ActiveLabelerError as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "it needs more memory than an encoder may take"}
    sys.stdout.write(json.dumps(answer) + "\n")


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    main()
